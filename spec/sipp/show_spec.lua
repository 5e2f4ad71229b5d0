-- What moonline run writes to look at: a capture that Wireshark reads, a page that needs nothing else.
local json = require "dkjson"
local moonline = require "moonline"
local process = require "support.process"

local folder

local function run(...)
  local one <close> = process.start({ process.moonline, "run", ... }, { directory = folder })
  assert.equal(0, one:exit(), one:said())
  return one:out()
end

local function read(name) return process.read(folder .. "/" .. name) end

-- What tshark says of each packet of a protocol: a list of fields.
local function tshark(name, protocol, fields)
  local words = { "tshark", "-r", name, "-Y", protocol, "-T", "fields" }
  for _, field in ipairs(fields) do
    words[#words + 1], words[#words + 2] = "-e", field
  end
  local one <close> = process.start(words, { directory = folder })
  assert.equal(0, one:exit(), one:said())
  local list = {}
  for line in one:out():gmatch("[^\n]+") do
    local packet = {}
    for value in (line .. "\t"):gmatch("([^\t]*)\t") do packet[#packet + 1] = value end
    list[#list + 1] = packet
  end
  return list
end

-- The page as a tree, without what is no markup: the texts of style and script.
local function tree(html)
  local text = html:gsub("^<!DOCTYPE html>", ""):gsub("<style>.-</style>", "")
    :gsub("<script>.-</script>", "")
  return assert(moonline.xml.parse(text))
end

local function each(node, name, fn)
  if node.name == name then fn(node) end
  for _, child in ipairs(node.children or {}) do each(child, name, fn) end
end

local function attribute(node, name)
  for _, one in ipairs(node.attributes) do
    if one.name == name then return one.value end
  end
  return nil
end

-- All text below a node.
local function text_of(node)
  local parts = { node.text or "" }
  for _, child in ipairs(node.children or {}) do parts[#parts + 1] = text_of(child) end
  return table.concat(parts)
end

describe("moonline run", function()
  setup(function()
    folder = process.folder()
    local function file(name, text) process.write(folder .. "/" .. name, text) end
    file("menu.xml", [[
<Response>
  <Gather numDigits="1" action="/chosen" timeuot="4"><Say>Press 1 for Kate.</Say></Gather>
</Response>]])
    file("chosen.xml", [[
<Response><Dial action="/after"><Sip>kate@example.com?X-Note=%3Cscript%3Ealert(1)%3C/script%3E</Sip>
</Dial></Response>]])
    file("dial.xml", "<Response><Dial><Sip>kate@example.com</Sip></Dial></Response>")
    file("fast.lua", [[caller { presses = { ["Press 1"] = "1" } }
      kate { rings = 0.2, hangs_up_after = 0.4 }]])
    file("phones.lua", [[caller { presses = { ["Press 1"] = "1" } }
      kate { rings = 1, hangs_up_after = 3,
        headers = { ["X-Room"] = "<img src=x onerror=alert(2)>" } }]])
  end)
  teardown(function() process.remove(folder) end)

  it("--pcap: tshark reads the messages of both legs, each the ladder's row, at its virtual time",
    function()
      local events = json.decode(run("menu.xml", "--phones", "phones.lua", "--pcap", "call.pcap",
        "--json")).events
      local wanted = {}
      for _, event in ipairs(events) do
        if event.kind == "message" then wanted[#wanted + 1] = event end
      end
      local packets = tshark("call.pcap", "sip", { "frame.time_relative", "ip.src", "ip.dst",
        "udp.srcport", "sip.Request-Line", "sip.Status-Line", "sip.Call-ID", "frame.time_epoch",
        "sdp.media.port", "sdp.connection_info.address" })
      assert.equal(#wanted, #packets)
      assert.is_true(#packets >= 14)
      local hosts = {}
      for i, packet in ipairs(packets) do
        local event = wanted[i]
        local first = packet[5] ~= "" and packet[5] or packet[6]
        local method = event.text:match("^%S+")
        assert.equal(method, first:match("^%S+"))
        assert.equal(event.text:match("\nCall%-ID: ([^\r]*)"), packet[7])
        assert.equal(("%.3f"):format(event.time - wanted[1].time),
          ("%.3f"):format(tonumber(packet[1])))
        assert.equal(event.sent and "192.0.2.1" or packet[2], packet[2])
        assert.equal(event.sent and packet[3] or "192.0.2.1", packet[3])
        assert.equal("5060", packet[4])
        if packet[10] ~= "" then assert.equal(packet[2], packet[10], "audio is the sender's") end
        hosts[event.sent and packet[3] or packet[2]] = true
      end
      assert.same({ ["192.0.2.10"] = true, ["192.0.2.11"] = true }, hosts)
      assert.equal(1767225600, tonumber(packets[1][8]) // 60 * 60) -- 2026-01-01
      assert.is_nil(read("call.pcap"):find("127.0.0.1", 1, true))
      local bad = tshark("call.pcap", "ip", { "_ws.malformed", "ip.checksum.status" })
      for _, packet in ipairs(bad) do assert.equal("", packet[1]) end
    end)

  it("--pcap: has the audio of both legs between the ports of their descriptions", function()
    process.write(folder .. "/audio.lua", [[
      caller { presses = { ["Press 1"] = "1" }, sends = "always" }
      kate { rings = 1, hangs_up_after = 4, sends = "always" }]])
    run("menu.xml", "--phones", "audio.lua", "--pcap", "audio.pcap")
    local streams, names = {}, {}
    for _, packet in ipairs(tshark("audio.pcap", "rtp", { "ip.src", "udp.srcport", "ip.dst",
      "udp.dstport", "rtp.ssrc", "rtp.seq" })) do
      local name = table.concat(packet, " ", 1, 5)
      if not streams[name] then names[#names + 1] = name end
      local sequence = tonumber(packet[6])
      local last = streams[name] and streams[name].last
      assert.equal(last and (last + 1) % 65536 or sequence, sequence, name)
      streams[name] = { last = sequence, count = (streams[name] and streams[name].count or 0) + 1 }
    end
    assert.equal(4, #names, table.concat(names, "\n"))
    local described = {}
    for _, packet in ipairs(tshark("audio.pcap", "sdp", { "sdp.connection_info.address",
      "sdp.media.port" })) do
      described[packet[1] .. " " .. packet[2]] = true
    end
    for _, name in ipairs(names) do
      local from, to = name:match("^(%S+ %S+) (%S+ %S+)")
      assert.is_true(described[from] and described[to], name)
      assert.is_true(streams[name].count > 190, name)
    end
    run("dial.xml", "--phones", "fast.lua", "--real-time", "--pcap", "real.pcap")
    assert.is_true(#tshark("real.pcap", "sip", { "frame.number" }) > 10, "messages only")
  end)

  it("--html: one page that refers to nothing outside, well-formed, with every message as text",
    function()
      local events = json.decode(run("menu.xml", "--phones", "phones.lua", "--html", "call.html",
        "--json")).events
      local html = read "call.html"
      local root = tree(html)
      assert.equal("html", root.name)
      for _, name in ipairs { "src", "href", "action", "data", "poster", "srcset", "formaction" } do
        for value in html:gmatch("[%s<]" .. name .. "=\"([^\"]*)\"") do
          local is_inside = value:find("^#[%w-]+$")
            or value:find("^data:audio/[%w-]+;base64,[%w+/=]+$")
          assert.truthy(is_inside, name .. "=" .. value:sub(1, 80))
        end
      end
      assert.is_nil(html:match("<style>(.-)</style>"):find("url(", 1, true))
      assert.is_nil(html:match("<style>(.-)</style>"):find("@import", 1, true))
      assert.is_nil(html:find("<link", 1, true))
      assert.is_nil(html:find("<img", 1, true), "a hostile header stays text")
      assert.equal(1, select(2, html:gsub("<script", "")))
      for _, name in ipairs { "onclick", "onerror", "onload" } do
        assert.is_nil(html:gsub("&lt;img.-&gt;", ""):find("<[^>]*" .. name))
      end

      local shown = {}
      each(root, "pre", function(node) shown[#shown + 1] = text_of(node) end)
      local messages = 0
      for _, event in ipairs(events) do
        if event.kind == "message" then
          messages = messages + 1
          local call_id = event.text:match("\nCall%-ID: ([^\r]*)")
          local first = event.text:match("^[^\r]*"):gsub("%l+%.example:5060", "")
          local found = false
          for _, text in ipairs(shown) do
            found = found or text:find(call_id, 1, true)
              and text:match("^[^\n]*"):gsub("192%.0%.2%.%d+:5060", "") == first
          end
          assert.truthy(found, event.text)
        end
      end
      local rows, kinds = 0, {}
      each(root, "details", function(node)
        rows = rows + 1
        local kind = attribute(node, "data-kind")
        kinds[kind] = (kinds[kind] or 0) + 1
      end)
      assert.equal(messages, kinds.message)
      assert.is_true(kinds.webhook >= 3 and kinds.answer >= 3 and kinds.verb == 2)
      shown = table.concat(shown, "\0")
      assert.truthy(shown:find("<script>alert(1)</script>", 1, true))
      assert.truthy(shown:find("<img src=x onerror=alert(2)>", 1, true))

      local ids, players = {}, 0
      each(root, "li", function(node) ids[attribute(node, "id") or ""] = true end)
      local links = 0
      each(root, "a", function(node)
        links = links + 1
        assert.is_true(ids[attribute(node, "href"):sub(2)], attribute(node, "href"))
      end)
      assert.is_true(links >= 3, "the warning and both verbs lead to their lines")
      each(root, "audio", function() players = players + 1 end)
      assert.equal(2, players)
      assert.truthy(html:find("menu.xml:2:42</a> attribute timeuot is not known", 1, true))
    end)

  it("plays the same in real time: the ladder differs in its times only", function()
    local function ladder(...)
      local out = run("menu.xml", "--phones", "fast.lua", ...):match("^(.-\n)\n")
      local rows, seen = {}, {}
      for row in out:gmatch("[^\n]+") do
        row = row:gsub("^ +%d+%.%d+ ", "")
        if not seen[row] then rows[#rows + 1] = row end -- a busy machine sends again
        seen[row] = true
      end
      return table.concat(rows, "\n")
    end
    local virtual = ladder()
    assert.matches("INVITE sip:kate@example.com", virtual)
    assert.equal(virtual, ladder "--real-time")
  end)

  it("has a place for each warning: in the document, or at the verb that was running", function()
    process.write(folder .. "/odd.xml", [[
<Response>
  <Say voise="alice">Hello.</Say>
  <Play>nothing.wav</Play>
</Response>]])
    local out = run "odd.xml"
    assert.matches("warning 12200: http://app%.example/odd%.xml:2:8: attribute voise", out)
    assert.matches("warning 13420: http://app%.example/odd%.xml:3:3: [^\n]*nothing%.wav", out)
    assert.is_nil(out:find("127.0.0.1", 1, true))
  end)

  it("has phones that always send: RTP both ways, at its pace", function()
    process.write(folder .. "/always.lua", [[
      caller { sends = "always" }
      kate(function(call)
        call:answer()
        call.core:play { tone = "100", ms = 0 }
        call:wait({}, 60)
        local file = io.open("received", "w")
        file:write(call.core:stats().received)
        file:close()
        call:hangup()
      end)]])
    run("dial.xml", "--phones", "always.lua")
    local received = tonumber(read "received")
    assert.is_true(received > 2950 and received < 3050, received)
    process.write(folder .. "/wrong.lua", 'caller { sends = "often" }')
    local one <close> = process.start({ process.moonline, "run", "dial.xml", "--phones",
      "wrong.lua" }, { directory = folder })
    assert.equal(1, one:exit())
    assert.matches('wrong%.lua:1: caller: sends is "always" or nothing', one:err())
  end)

  it("says why a file cannot be written", function()
    for _, flag in ipairs { "--html", "--pcap" } do
      local one <close> = process.start({ process.moonline, "run", "menu.xml", flag,
        "no/such/file" }, { directory = folder })
      assert.equal(1, one:exit())
      assert.matches("no/such/file: No such file", one:err())
    end
  end)
end)
