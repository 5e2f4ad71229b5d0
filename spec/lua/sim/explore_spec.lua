-- The parts of the explorer, and that it finds a bug: all ten are in spec/long/mutants_spec.lua.
local dice = require "moonline.sim.explore.dice"
local explore = require "moonline.sim.explore"
local judge = require "moonline.sim.explore.judge"
local labels = require "moonline.sim.explore.labels"
local mutants = require "support.mutants"
local process = require "support.process"
local scenario = require "moonline.sim.scenario"
local schedule = require "moonline.sim.explore.schedule"
local search = require "moonline.sim.explore.search"
local shrink = require "moonline.sim.explore.shrink"
local world = require "moonline.sim.explore.world"

local RACES = process.root .. "/spec/sim/races.lua"

local function race(name)
  for _, one in ipairs(assert(scenario.read(RACES))) do
    if one.name == name then return one end
  end
  error("no scenario " .. name)
end

local function message(first, id, cseq)
  return ("%s\r\nCall-ID: %s\r\nCSeq: %s\r\n\r\n"):format(first, id, cseq)
end

describe("labels", function()
  local SERVER, CALLER, PHONES = 1, 2, 3

  it("name messages by party, direction, kind and number", function()
    local own = labels.new({ [SERVER] = true }, CALLER)
    local invite = message("INVITE sip:line@127.0.0.1 SIP/2.0", "a", "1 INVITE")
    assert.equal("caller>INVITE", (own:message(invite, CALLER, SERVER)))
    assert.equal("caller>INVITE#2", (own:message(invite, CALLER, SERVER)))
    local ok = message("SIP/2.0 200 OK", "a", "1 INVITE")
    assert.equal("caller<200 INVITE", (own:message(ok, SERVER, CALLER)))
    local out = message("INVITE sip:kate@example.com SIP/2.0", "b", "1 INVITE")
    assert.equal("kate<INVITE", (own:message(out, SERVER, PHONES)))
    local again = message("INVITE sip:kate@example.com SIP/2.0", "c", "1 INVITE")
    assert.equal("kate.2<INVITE", (own:message(again, SERVER, PHONES)))
    assert.equal("kate.2>BYE", (own:message(message("BYE sip:x SIP/2.0", "c", "2 BYE"), PHONES,
      SERVER)))
    assert.equal("app>/after", own:request "/after")
    assert.is_nil(own:message("\r\n\r\n", PHONES, SERVER))
  end)

  it("are read", function()
    assert.same({ "kate.2", "<", "200 INVITE", 3 }, { labels.read "kate.2<200 INVITE#3" })
    assert.equal("kate", labels.user "kate.2<200 INVITE#3")
  end)
end)

describe("a schedule", function()
  it("is checked: what is wrong, where, and what was meant", function()
    assert.is_nil(schedule.check { { drop = "caller>ACK", all = true },
      { at = "app>/after", act = "REST ends caller" } })
    local wrong = {
      ["a step has no dorp (did you mean drop?)"] = { dorp = "caller>ACK" },
      ["by is a number"] = { delay = "caller>ACK", by = "1" },
      ["delay: by or past is expected"] = { delay = "caller>ACK" },
      ['"ACK": a label such as "kate>200 INVITE" is expected'] = { drop = "ACK" },
      ["a step has one of drop, delay, twice, fork, cut, at"] = { by = 1 },
    }
    for words, step in pairs(wrong) do
      assert.equal("schedule, step 1: " .. words, schedule.check { step })
    end
    assert.truthy(schedule.check({ { at = "caller>ACK", act = "caller sings" } })
      :find("caller sings: an act such as caller hangs up", 1, true))
  end)

  it("is written as it is read", function()
    local list = { { delay = "kate>200 INVITE", past = "kate<CANCEL", by = 0.5 },
      { drop = "caller>ACK", all = true } }
    assert.same(list, load("return {" .. schedule.text(list) .. "}")())
  end)
end)

describe("the search", function()
  local known = { parties = { "caller" }, entries = {
    { label = "caller>INVITE", time = 0 }, { label = "app>/voice", time = 0, params = {} },
    { label = "caller<200 INVITE", time = 1 },
  } }

  it("gives the same schedules for the same seed, others for another", function()
    local function texts(seed)
      local next_one, list = search.schedules(function() return known end, seed), {}
      for i = 1, 400 do list[i] = schedule.text(next_one()) end
      return list
    end
    assert.same(texts(1), texts(1))
    assert.not_same(texts(1), texts(2))
  end)

  it("has each step once, all of them good ones", function()
    local seen = {}
    for _, step in ipairs(search.steps(known)) do
      local text = schedule.step_text(step)
      assert.is_nil(schedule.check { step }, text)
      assert.is_nil(seen[text], text)
      seen[text] = true
    end
    assert.is_true(seen['{ drop = "caller>INVITE" }'])
    assert.is_true(seen['{ at = "app>/voice", act = "caller hangs up" }'])
    assert.is_true(seen['{ at = "app>/voice", after = 0.5, act = "caller hangs up" }'])
  end)

  it("rolls dice from 1 to n", function()
    local roll, seen = dice.new(7), {}
    for _ = 1, 200 do seen[roll(6)] = true end
    assert.same({ true, true, true, true, true, true }, seen)
  end)
end)

describe("shrinking", function()
  it("leaves the steps that are needed, and of these what is needed", function()
    local list = { { drop = "a>1" }, { twice = "b>2", by = 3 }, { drop = "c>3", all = true },
      { delay = "d>4", by = 1 } }
    local small = shrink.smallest(list, function(candidate)
      local has = {}
      for _, step in ipairs(candidate) do has[step.twice or step.delay or ""] = true end
      return has["b>2"] and has["d>4"] or false
    end)
    assert.same({ { twice = "b>2" }, { delay = "d>4", by = 1 } }, small)
  end)
end)

describe("the rules", function()
  local function problems(fields)
    local outcome = { trace = {}, events = {}, left = {}, audio = {}, errors = {}, schedule = {} }
    for name, value in pairs(fields) do outcome[name] = value end
    return judge.problems(outcome)
  end

  local function progress(status, number)
    return { label = "app>/status", params = { CallbackSource = "call-progress-events",
      CallSid = "CA1", CallStatus = status, SequenceNumber = tostring(number) } }
  end

  it("want one action request for each Dial that has an action", function()
    local events = { { kind = "verb", name = "Dial", call = "CA1" },
      { kind = "dialled", call = "CA1", action = true } }
    local asked = { label = "app>/after", params = { DialCallStatus = "busy", CallSid = "CA1" } }
    assert.same({}, problems { events = events, trace = { asked } })
    assert.same({ "action: 0 action requests of 1 Dials" }, problems { events = events })
    assert.same({ "action: 2 action requests of 1 Dials" },
      problems { events = events, trace = { asked, asked } })
    assert.same({ "action: 0 of 1 Dials came to an end" }, problems { events = { events[1] } })
  end)

  it("want callbacks in order and numbered", function()
    assert.same({}, problems { trace = { progress("initiated", 0), progress("busy", 1) } })
    assert.same({ "callbacks: the event completed after busy" },
      problems { trace = { progress("busy", 0), progress("completed", 1) } })
    assert.same({ "callbacks: event 1, busy, has SequenceNumber 2" },
      problems { trace = { progress("initiated", 0), progress("busy", 2) } })
  end)

  it("want who was dialled let go when the caller leaves", function()
    local function said(time, party, what)
      return { time = time, party = party, label = party .. what, text = "" }
    end
    local trace = { said(0, "kate", ">180 INVITE"), said(1, "caller", "<200 BYE") }
    assert.same({ "prompt: kate was not let go when the caller left" }, problems { trace = trace })
    trace[3] = said(1.5, "kate", "<CANCEL")
    assert.same({}, problems { trace = trace })
  end)
end)

describe("a world", function()
  it("gives the same log for the same schedule", function()
    local own <close> = assert(world.open(race "screening"))
    local list = { { at = "kate<ACK", after = 0.5, act = "caller hangs up" },
      { delay = "caller>BYE", by = 0.6 }, { twice = "kate>180 INVITE", by = 1 } }
    local function log()
      local lines = {}
      for i, entry in ipairs(own:play(list).trace) do
        lines[i] = ("%8.3f %s"):format(entry.time, entry.label)
      end
      table.sort(lines) -- what happens at the same instant has no order
      return lines
    end
    local first = log()
    assert.is_true(#first > 15)
    assert.same(first, log())
    assert(own:renew())
    assert.same(first, log())
  end)

  it("does what a schedule says", function()
    local own <close> = assert(world.open(race "plain"))
    local function seen(list)
      local found, problems, outcome = {}, own:problems(list)
      assert.same({}, problems)
      for _, entry in ipairs(outcome.trace) do found[entry.label] = entry.time end
      return found
    end
    assert.is_number(seen({ { drop = "caller>INVITE" } })["caller>INVITE#2"])
    local late = seen { { delay = "kate>200 INVITE", by = 0.4 } }
    assert.near(0.4, late["kate<ACK"] - late["kate>200 INVITE"], 0.01)
    local past = seen { { delay = "kate>180 INVITE", past = "kate>200 INVITE" } }
    assert.is_number(past["kate<ACK"])
    assert.is_number(seen({ { fork = "kate>200 INVITE" } })["kate<ACK#2"])
    assert.is_number(seen({ { at = "kate>180 INVITE", act = "caller hangs up" } })["kate<CANCEL"])
    assert.is_number(seen({ { at = "kate<ACK", act = "REST ends kate" } })["kate<BYE"])
    assert.is_true(seen({ { cut = "kate>100 INVITE" } })["app>/after"] > 30)
    assert.near(2, seen({ { delay = "app>/voice", by = 2 } })["kate<INVITE"], 0.1)
  end)

  it("is right where it was not: what was found stays mended", function()
    local found = {
      plain = { { delay = "caller<100 INVITE", by = 0.6 } }, -- took it for another answer, and crashed
      ["the caller hangs up"] = { { drop = "kate>200 INVITE", all = true } }, -- ringback after the BYE
    }
    for name, step in pairs(found) do
      local own <close> = assert(world.open(race(name)))
      assert.same({}, (own:problems(step)))
    end
  end)

  it("cannot be opened twice", function()
    local own <close> = assert(world.open(race "plain"))
    assert.is_false(own.wire:is_flooded())
    local other, why = world.open(race "plain")
    assert.is_nil(other)
    assert.truthy(why:find("open already", 1, true))
  end)
end)

describe("moonline explore", function()
  it("finds nothing in a call that is right", function()
    local report = assert(explore.run(race "plain", { schedules = 100 }))
    assert.same({}, report.failures)
    assert.equal(100, report.schedules)
  end)

  for _, number in ipairs { 3, 5 } do
    local mutant = mutants.list[number]
    it("finds " .. mutant.name .. ", and makes it small", function()
      local folder <close> = mutants.make(mutant)
      local report = assert(explore.run(race(mutant.scenario),
        { schedules = 200, lua = folder.path, failures = 1 }))
      local breach = assert(report.failures[1])
      assert.truthy(breach.problems[1]:find("^" .. mutant.rule), breach.problems[1])
      assert.equal(1, #breach.schedule)
      assert.truthy(breach.schedule[1].act)
    end)
  end
end)
