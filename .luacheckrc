std = "lua54"
max_code_line_length = 100
max_string_line_length = 100
max_comment_line_length = 200 -- annotations of LuaCATS do not wrap
exclude_files = { "lua/moonline/meta", "build" }
files["spec"] = { std = "+busted" }
files["spec/sim"] = { read_globals = { "scenario" } }
