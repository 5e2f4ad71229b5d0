-- A call in which whatever can be drawn from the seed is: other seeds, other calls.

scenario "whoever has time" {
  text = [[
    <Gather numDigits="1" timeout="2" action="/chosen"><Say>Press 1.</Say></Gather>
    <Redirect>/chosen</Redirect>]],
  seed = 7,
  ladder = "ladders/chance.txt",
  phones = {
    caller = { presses = { ["Press 1"] = "1" }, gives_up_after = { 4, 30 },
      hangs_up_after = { 5, 25 } },
    kate = { rings = { 1, 12 }, hangs_up_after = { 1, 9 } },
    bob = { rings = { 1, 12 }, headers = { ["X-Desk"] = "4" }, hangs_up_after = { 1, 9 } },
  },
  pages = {
    ["/chosen"] = { delay = { 0.01, 3 }, body = [[
      <Dial timeout="10" action="/after">
        <Sip statusCallback="/events" statusCallbackEvent="initiated ringing answered completed">
          sip:kate@example.com</Sip>
        <Sip url="/screen">sip:bob@example.com</Sip>
      </Dial>]] },
    ["/screen"] = { delay = { 0.01, 2 }, body = '<Pause length="1"/>' },
    ["/events"] = { delay = { 0.01, 1 } },
    ["/after"] = { delay = { 0.01, 1 }, body = "<Say>Goodbye.</Say>" },
  },
  config = { dial = { several = true } },
  listen = 0,
}
