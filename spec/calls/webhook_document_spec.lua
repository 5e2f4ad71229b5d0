-- What the web app may answer, and what becomes of a call when the answer is no document.
local moonline = require "moonline"
local stage = require "support.stage"
local task = require "moonline.core.task"

local TWIML = "<Response><Hangup/></Response>"

local function typed(kind, body)
  return function() return 200, body, { ["Content-Type"] = kind } end
end

-- Calls each line of `pages` once: user -> what the web app answers.
local function open(pages, options)
  local s = stage.open(options)
  s.web["/voice"] = function(request)
    local page = pages[request.params.To:match("^sip:([^@]*)@")]
    if type(page) == "function" then return page(request) end
    return page
  end
  return s
end

-- nil when the call was answered, else the SIP code of its refusal.
local function refusal(s, user)
  local leg, _, code = s:call { uri = s:uri(user) }
  if not leg then return code end
  leg:hangup()
  s:quiet()
  return nil
end

-- The numbers of all warnings of the calls so far.
local function codes(s)
  local list = {}
  for _, event in ipairs(s:seen "warning") do list[#list + 1] = event.code end
  return list
end

local function forget(s)
  for i = #s.events, 1, -1 do s.events[i] = nil end
end

local function with_fallback(app)
  return { voice = { fallback_url = app .. "/fallback" } }
end

-- The other side has hung up.
local function is_over(leg)
  return not task.catch(leg.wait, leg, { "nothing" }, 1)
end

local BOMB = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
  .. "<Response><Say>&b;</Say></Response>"
local EXTERNAL = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
  .. "<Response><Say>&x;</Say></Response>"

describe("V5 a document", function()
  it("is taken as text/xml, application/xml, text/html, and as text when it is one", function()
    local pages = {}
    for _, kind in ipairs { "text/xml", "application/xml", "text/html; charset=utf-8",
      "Text/XML;charset=UTF-8", "text/plain" } do
      pages[#pages + 1] = typed(kind, TWIML)
    end
    local s <close> = open(setmetatable({}, { __index = function(_, user)
      return pages[tonumber(user)]
    end }))
    for i = 1, #pages do
      assert.is_nil(refusal(s, tostring(i)), i)
    end
    assert.same({}, codes(s))
  end)

  it("may begin with a byte order mark, and be UTF-16", function()
    local utf16 = "\xff\xfe" .. ('<?xml version="1.0" encoding="UTF-16"?>' .. TWIML)
      :gsub(".", "%0\0")
    local s <close> = open { bom = "\239\187\191" .. TWIML, wide = typed("text/xml", utf16) }
    assert.is_nil(refusal(s, "wide"))
    assert.is_nil(refusal(s, "bom"))
    assert.same({}, codes(s))
  end)

  it("that is none ends an unanswered call with 500 and tells Twilio's number", function()
    local pages = {
      untyped = { 12300, function(request)
        request.core:begin(200, { { "Content-Length", tostring(#TWIML) } })
        request.core:write(TWIML)
        request.core:finish()
      end },
      json = { 12300, typed("application/json", "{}") },
      image = { 12300, typed("image/png", "PNG") },
      empty = { 11770, typed("text/xml", "") },
      blank = { 11770, typed("text/xml", " \n ") },
      nothing = { 11770, function() return 204, "" end },
      big = { 11750, typed("text/xml", "<Response>" .. (" "):rep(10 * 1024 * 1024)) },
      garbage = { 12100, typed("text/xml", "\1\2\3\255\254 garbage") },
      cut = { 12100, typed("text/xml", "<Response><Say>Hello") },
      twice = { 12100, typed("text/xml", TWIML .. TWIML) },
      late = { 12100, typed("text/xml", '\n<?xml version="1.0"?>' .. TWIML) },
      html = { 12102, typed("text/html", "<html><body>Error</body></html>") },
      bomb = { 12100, typed("text/xml", BOMB) },
      external = { 12100, typed("text/xml", EXTERNAL) },
      doctype = { 12100, typed("text/xml", "<!DOCTYPE Response>" .. TWIML) },
      deep = { 12100, typed("text/xml", ("<a>"):rep(9000) .. ("</a>"):rep(9000)) },
      error500 = { 11200, function() return 500, "oh" end },
      error502 = { 11200, function() return 502, TWIML, { ["Content-Type"] = "text/xml" } end },
      error503 = { 11200, function() return 503, "" end },
      missing = { 11200, function() return 404, "no" end },
      lost = { 11216, function() return 302, "" end },
      odd = { 11216, function() return 308, "", { Location = "/other" } end },
      astray = { 11216, function() return 302, "", { Location = "file:///etc/passwd" } end },
      forever = { 11215, function() return 302, "", { Location = "/voice" } end },
    }
    local s <close> = open(setmetatable({}, { __index = function(_, user)
      return pages[user] and pages[user][2]
    end }))
    for user, page in pairs(pages) do
      assert.equal(500, refusal(s, user), user)
      assert.same({ page[1] }, codes(s), user)
      forget(s)
    end
    assert.equal(24, #s:requests_to "/voice" - 10) -- each was asked once; one went round ten times
  end)

  it("that fails is replaced by the fallback's, which learns what and where", function()
    local s <close> = stage.open(with_fallback)
    s.web["/voice"] = function() return 500, "" end
    s.web["/fallback"] = stage.twiml '<Pause length="1"/>'
    assert(s:call())
    local request = s:request "/fallback"
    assert.equal("11200", request.params.ErrorCode)
    assert.equal(s.app.url .. "/voice", request.params.ErrorUrl)
    assert.equal("ringing", request.params.CallStatus)
    s:quiet()
    assert.same({ 11200 }, codes(s))
  end)

  it("that fails with a fallback that fails ends the call, and asks nobody a third time", function()
    local s <close> = stage.open(with_fallback)
    s.web["/voice"] = typed("text/xml", "<Response")
    s.web["/fallback"] = typed("text/plain", "")
    assert.equal(500, refusal(s, "line"))
    assert.same({ 12100, 11770 }, codes(s))
    assert.equal(2, #s.requests)
  end)

  it("that fails later is told to an answered caller, who gets a BYE", function()
    local s <close> = stage.open()
    s.web["/voice"] = stage.twiml '<Pause length="1"/><Play digits="1"/><Redirect>/gone</Redirect>'
    local alice = assert(s:call())
    local begun = moonline.clock()
    s:quiet()
    assert.same({ 11200 }, codes(s))
    assert.is_true(moonline.clock() - begun > 2.5) -- the apology takes its time
    assert.is_true(is_over(alice))
  end)
end)

describe("V5 what is no TwiML", function()
  it("text/plain is read aloud, then the call ends", function()
    local s <close> = open { line = typed("text/plain", "Hello & welcome < all") }
    local alice = assert(s:call())
    local begun = moonline.clock()
    s:quiet()
    assert.is_true(moonline.clock() - begun > 0.8)
    assert.same({}, codes(s))
    assert.is_true(is_over(alice))
  end)
end)
