-- Conferences: who hears whom, and when; how one comes in and goes.
local audio = require "support.audio"
local meeting = require "support.meeting"
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

-- A stage where a, b, c ... call documents of their own: attributes of Conference by user.
local function open(documents, options)
  local users = {}
  for user in pairs(documents) do users[#users + 1] = user end
  local s = stage.open(meeting.routes(table.unpack(users)), options)
  for user, document in pairs(documents) do
    s.web["/" .. user] = document:find("<", 1, true) and document or meeting.document(document)
  end
  s.web["/after"] = stage.twiml "<Hangup/>"
  return s
end

local QUIET = 'waitUrl="" beep="false"'

-- All of these in the room, then all say their tones; what each hears of the middle of them.
local function talk(parties, seconds)
  for _, one in ipairs(parties) do one.ear = audio.listen(one.phone, one.leg) end
  meeting.talk(parties, seconds or 1)
  moonline.sleep((seconds or 1) + 0.5)
  local heard = {}
  for i, one in ipairs(parties) do
    local samples = one.ear:stop()[1]
    heard[i] = meeting.heard(samples, 0.3, 0.8)
  end
  return heard
end

local function hang_up(s, parties)
  for _, one in ipairs(parties) do one.leg:hangup() end
  s:quiet()
end

describe("V2 Conference", function()
  it("each hears the other two and not itself, whatever its codec", function()
    local s <close> = open { a = QUIET, b = QUIET, c = QUIET }
    local all = {
      meeting.call(s, "a"), meeting.call(s, "b", { phone = { codecs = { "PCMA" } } }),
      meeting.call(s, "c"),
    }
    meeting.seen(s, "conference", 3)
    assert.same({ { 2, 3 }, { 1, 3 }, { 1, 2 } }, talk(all))
    hang_up(s, all)
  end)

  it("plays music of our own until it starts, and none afterwards", function()
    local s <close> = open { a = 'beep="false"', b = 'beep="false"' }
    local a = meeting.call(s, "a", { ear = true })
    moonline.sleep(3)
    local b = meeting.call(s, "b")
    local started = moonline.clock() - a.ear.begun
    moonline.sleep(2)
    local heard = a.ear:stop()[1]
    assert.is_true(audio.level(heard, 0.5, 2.5) > 200)
    assert.near(0, audio.level(heard, started + 0.2, started + 1.8), 20)
    hang_up(s, { a, b })
  end)
end)
