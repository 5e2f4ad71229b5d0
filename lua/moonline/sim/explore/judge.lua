-- What must hold after each schedule. Each rule looks at what happened and names what is wrong.

local labels = require "moonline.sim.explore.labels"

local judge = {}

---What happened under a schedule.
---@class moonline.SimOutcome
---@field trace moonline.SimTrace[]
---@field events table[] what the server told
---@field left string[] what did not end
---@field audio string[] audio where none may be
---@field errors string[] lines of the log
---@field flooded boolean
---@field schedule moonline.SimStep[]
---@field wants_end table<string, boolean>? of judge.wants_end

local function count(map, key)
  map[key] = (map[key] or 0) + 1
end

local rules = {}

---Legs, tasks, timers, generations end.
function rules.left(outcome, blame)
  for _, what in ipairs(outcome.left) do blame(what) end
end

---A call does not go in circles.
function rules.endless(outcome, blame)
  if outcome.flooded then blame "messages without end" end
end

---The caller's INVITE gets one final response.
function rules.final(outcome, blame)
  local codes = {}
  for _, entry in ipairs(outcome.trace) do
    local code = entry.text and entry.label:match("^caller<(%d%d%d) INVITE")
    local cseq = code and entry.text:match("\n[Cc][Ss]eq%s*:%s*(%d+)")
    if code == "100" then
      codes[cseq] = nil -- an INVITE that is so late that it is another call
    elseif code and code >= "200" then
      if codes[cseq] and codes[cseq] ~= code then
        blame(("the caller got %s and %s"):format(codes[cseq], code))
      end
      codes[cseq] = codes[cseq] or code
    end
  end
end

---Each call has one end.
function rules.status(outcome, blame)
  local begun, over = {}, {}
  for _, event in ipairs(outcome.events) do
    if event.kind == "call" then begun[event.call] = true end
    if event.kind == "call-ended" then count(over, event.call) end
  end
  for call in pairs(begun) do
    if over[call] ~= 1 then blame(("a call ended %d times"):format(over[call] or 0)) end
  end
end

---Each Dial ends once, with one action request if it has an action.
function rules.action(outcome, blame)
  local dials, ends, wanted, got = {}, {}, {}, {}
  for _, event in ipairs(outcome.events) do
    if event.kind == "verb" and event.name == "Dial" then count(dials, event.call) end
    if event.kind == "dialled" then count(ends, event.call) end
    if event.kind == "dialled" and event.action then count(wanted, event.call) end
  end
  for _, entry in ipairs(outcome.trace) do
    if entry.params and entry.params.DialCallStatus then count(got, entry.params.CallSid) end
  end
  for call, number in pairs(dials) do
    if ends[call] ~= number then
      blame(("%d of %d Dials came to an end"):format(ends[call] or 0, number))
    end
  end
  for call, number in pairs(wanted) do
    if (got[call] or 0) ~= number then
      blame(("%d action requests of %d Dials"):format(got[call] or 0, number))
    end
  end
  for call, number in pairs(got) do
    if not wanted[call] then blame(("%d action requests of no Dial"):format(number)) end
  end
end

local PROMPT <const> = 1 -- second

-- Does the schedule hold back what that party says, or give its call a document of its own?
local function is_free(schedule, party)
  for _, step in ipairs(schedule) do
    for _, label in pairs(step) do
      if type(label) == "string" and label:find(party .. ">", 1, true) then return true end
    end
    if step.act and step.act:find "^REST" then return true end
  end
  return false
end

---Who was dialled is let go when the caller leaves.
function rules.prompt(outcome, blame)
  local gone, rings, over = nil, {}, {}
  for _, entry in ipairs(outcome.trace) do
    local label, party = entry.label, entry.party
    if label == "caller<200 BYE" or label == "caller<200 CANCEL" then
      gone = gone or entry.time
    elseif party and party ~= "caller" and not gone and label:find(">%d%d%d INVITE") then
      rings[party] = not label:find(">[3-6]") or nil
    end
    local ends = label:find "[<>]BYE$" or label:find "<CANCEL$" or label:find ">[3-6]%d%d INVITE"
    if party and ends and not (gone and entry.time > gone + PROMPT) then over[party] = true end
  end
  for party in pairs(gone and rings or {}) do
    if not over[party] and not is_free(outcome.schedule, party) then
      blame(("%s was not let go when the caller left"):format(party))
    end
  end
end

local RANK = { initiated = 1, ringing = 2, ["in-progress"] = 3 }
local LAST <const> = 4

-- One call's progress events, in the order in which they came.
local function check_progress(list, blame)
  local rank = 0
  for i, params in ipairs(list) do
    local own = RANK[params.CallStatus] or LAST
    if own <= rank then
      blame(("the event %s after %s"):format(params.CallStatus, list[i - 1].CallStatus))
    end
    if tonumber(params.SequenceNumber) ~= i - 1 then
      blame(("event %d, %s, has SequenceNumber %s"):format(i - 1, params.CallStatus,
        tostring(params.SequenceNumber)))
    end
    rank = own
  end
  return rank == LAST
end

---Callbacks come in order, numbered from 0, and those of a call that began end.
function rules.callbacks(outcome, blame)
  local calls, order, wants, known = {}, {}, outcome.wants_end or {}, {}
  for _, entry in ipairs(outcome.trace) do
    local params = entry.params
    if params and params.CallbackSource == "call-progress-events" then
      local sid = params.CallSid
      if not calls[sid] then order[#order + 1] = sid end
      calls[sid] = calls[sid] or {}
      table.insert(calls[sid], params)
    elseif entry.text and entry.label:find("^[^<>]+<INVITE$") then
      local sid = entry.text:match("\nX%-Twilio%-CallSid%s*:%s*(%w+)")
      if sid and wants[labels.user(entry.label)] then known[sid] = true end
    end
  end
  for _, sid in ipairs(order) do
    if check_progress(calls[sid], blame) then known[sid] = nil end
  end
  for _ in pairs(known) do blame "a call whose end was not told" end
end

---No audio after a BYE, no ringback that goes on.
function rules.audio(outcome, blame)
  for _, what in ipairs(outcome.audio) do blame(what) end
end

---Each recording that was begun is finished.
function rules.recording(outcome, blame)
  local open = {}
  for _, event in ipairs(outcome.events) do
    if event.kind == "recording-started" then open[event.sid] = true end
    if event.kind == "recording" then open[event.sid] = nil end
  end
  for _ in pairs(open) do blame "a recording that was not finished" end
end

---No error in Lua.
function rules.errors(outcome, blame)
  for _, line in ipairs(outcome.errors) do blame(line) end
end

---All that is wrong: "rule: what", sorted; each once.
---@param outcome moonline.SimOutcome
---@return string[]
function judge.problems(outcome)
  local found, list = {}, {}
  for name, rule in pairs(rules) do
    rule(outcome, function(what)
      local text = ("%s: %s"):format(name, what)
      if not found[text] then list[#list + 1] = text end
      found[text] = true
    end)
  end
  table.sort(list)
  return list
end

---The callees whose end is told to somebody, by what is seen in a call that went well.
---@param outcome moonline.SimOutcome
---@return table<string, boolean> names
function judge.wants_end(outcome)
  local told, names = {}, {}
  for _, entry in ipairs(outcome.trace) do
    local params = entry.params
    if params and params.CallbackSource == "call-progress-events"
      and not RANK[params.CallStatus] then told[params.CallSid] = true end
  end
  for _, entry in ipairs(outcome.trace) do
    local sid = entry.text and entry.text:match("\nX%-Twilio%-CallSid%s*:%s*(%w+)")
    if sid and told[sid] then names[labels.user(entry.label)] = true end
  end
  return names
end

return judge
