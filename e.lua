local m=require"moonline"
m.sleep(0.1) error("boom")