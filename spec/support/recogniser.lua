-- A recogniser for specs, deterministic: each tone is a word, and what is said is the words of the tones
-- in their order. A page of the stage's web app: s.web["/ears"] = recogniser.page { [700] = "yes" }
local audio = require "support.audio"
local json = require "dkjson"

local recogniser = {}

---The parts of a multipart form: name -> body, and of the file its head under "file-head".
---@param request { headers: table<string, string>, body: string }
function recogniser.form(request)
  local boundary = assert(request.headers["content-type"]:match("boundary=(%S+)"), "no form")
  local fields = {}
  local text = "\r\n" .. request.body
  local mark = "\r\n--" .. boundary
  local at = assert(select(2, text:find(mark, 1, true)), "no part")
  while text:sub(at + 1, at + 2) ~= "--" do
    local head_end = assert(text:find("\r\n\r\n", at, true))
    local from, to = assert(text:find(mark, head_end, true))
    local head = text:sub(at + 3, head_end - 1)
    local name = assert(head:match('name="([^"]*)"'))
    fields[name] = text:sub(head_end + 4, from - 1)
    if head:find("filename=", 1, true) then fields["file-head"] = head end
    at = to
  end
  return fields
end

---The words in some samples.
function recogniser.hear(samples, words)
  local found = {}
  for hz, word in pairs(words) do
    for _, span in ipairs(audio.tones(samples, hz)) do
      if span.to - span.from > 0.1 then found[#found + 1] = { span.from, word } end
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  for i, one in ipairs(found) do found[i] = one[2] end
  return table.concat(found, " ")
end

---A page that recognises. The fields of each request, with `wav` read, go into `asked`.
---@param words table<integer, string> Hz -> word
---@param asked table?
function recogniser.page(words, asked)
  return function(request)
    local fields = recogniser.form(request)
    fields.wav = audio.parse(fields.file)
    fields.text = recogniser.hear(fields.wav[1], words)
    if asked then asked[#asked + 1] = fields end
    return 200, json.encode { text = fields.text, confidence = 0.875 },
      { ["Content-Type"] = "application/json" }
  end
end

return recogniser
