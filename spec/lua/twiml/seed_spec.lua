-- S19: the documents of the five examples, and those printed with the SDK samples.

local document = require "moonline.twiml.document"

local DOCUMENTS = {
  region = "<Dial><Sip>sip:alice@example.com;region=ie1</Sip></Dial>",
  simple = "<Dial>\n    <Sip>\n        sip:jack@example.com\n    </Sip>\n</Dial>",
  credentials = [[<Dial><Sip username="admin" password="1234">sip:kate@example.com</Sip></Dial>]],
  headers = [[<Dial><Sip>
    sip:jack@example.com?mycustomheader=foo&amp;myotherheader=bar
  </Sip></Dial>]],
  udp = "<Dial><Sip>sip:jack@example.com;transport=udp</Sip></Dial>",
  tcp = "<Dial><Sip>sip:jack@example.com;transport=tcp</Sip></Dial>",
  bare = "<Dial><Sip>kate@example.com</Sip></Dial>",
  screening = [[<Dial record="record-from-answer" timeout="10" hangupOnStar="true" callerId="bob"
    method="POST" action="/handle_post_dial"><Sip method="POST" url="/handle_screening_on_answer">
    sip:kate@example.com?customheader=foo</Sip></Dial>]],
  events = [[<Dial><Sip statusCallbackEvent='initiated ringing answered completed'
    statusCallback='https://myapp.com/calls/events' statusCallbackMethod='POST'>
      sip:kate@example.com
    </Sip></Dial>]],
}

describe("S19: the documents of the seed", function()
  for name, body in pairs(DOCUMENTS) do
    it("are right in strict mode: " .. name, function()
      local doc, problems = document.parse(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response>' .. body .. "</Response>",
        { mode = "strict" })
      assert.same({}, problems)
      assert.equal(1, #doc.verbs[1].children)
      assert.is_nil(doc.verbs[1].fault)
    end)
  end
end)
