-- <Enqueue ...>name</Enqueue>: waits in a queue until somebody dials it.

local hold = require "moonline.room.hold"
local queue = require "moonline.room.queue"
local task = require "moonline.core.task"

local LONGEST <const> = 64 -- characters of a name

local function rules(name, ...)
  local verbs = {}
  for _, verb in ipairs { ... } do verbs[verb] = true end
  return { name = name, code = 14212, verbs = verbs }
end

local WAITING <const> = rules("queue", "Hangup", "Redirect", "Leave", "Gather")
local TAKEN <const> = rules("caller who leaves a queue", "Redirect")

local enqueue = {
  name = "Enqueue",
  attrs = {
    action = { "url", code = 14206 },
    method = { "method", default = "POST", code = 14201 },
    waitUrl = { "url", code = 14202 },
    waitUrlMethod = { "method", default = "POST", code = 14203 },
    maxQueueSize = { "integer", min = 1, max = queue.most, code = 14208 },
    workflowSid = { "text", unsupported = true },
  },
  text = true,
  screening = false,
}

function enqueue.check(node, report)
  local code, problem
  if node.text == "" then
    code, problem = 14204, "<Enqueue> needs the name of a queue as its text"
  elseif (utf8.len(node.text) or #node.text) > LONGEST then
    code, problem = 14205, ("the name of a queue has at most %d characters"):format(LONGEST)
  else
    return
  end
  report(code, node, problem)
  node.fault = { code = code, message = problem }
end

-- The document of waitUrl again and again, each time with where the caller stands.
local function listen(session, a)
  local own = hold.session(session, WAITING)
  local base = own.base
  own.queued = true
  return function(caller)
    if not a.waitUrl then return hold.music(session.call) end
    while a.waitUrl ~= "" do
      local begun = task.clock()
      own.base = base
      own:run(own:fetch(a.waitUrl, caller:facts(), a.waitUrlMethod, "wait"))
      if task.clock() - begun < 1 then session.call:wait({}, 1) end -- an empty document
    end
  end
end

-- What an agent's Dial plays to the caller before they are connected; it is not worth losing one.
local function announce(session)
  return function(event, caller)
    local own = hold.session(session, TAKEN)
    local ok, value = task.catch(function()
      own:run(own:fetch(event.url, {
        { "QueueSid", caller.sid }, { "QueueTime", caller:seconds() },
        { "DequeingCallSid", event.agent },
      }, event.method, "queue"))
    end)
    if not ok and value.kind ~= "document-failed" then task.unwind(value) end
  end
end

local RESULTS <const> = { leave = "leave", ["document-failed"] = "error" }

-- Waits, and says what ended it early: nil, or what is to be raised again.
local function wait(session, node, outcome)
  local ok, value = task.catch(queue.enter, session.call, node.text, {
    max = node.attrs.maxQueueSize, wait = listen(session, node.attrs), announce = announce(session),
  }, outcome)
  if ok then return nil end
  outcome.result = RESULTS[value.kind] or outcome.result
  if value.kind == "redirect" then
    outcome.result = outcome.result == "bridged" and "redirected-from-bridged" or "redirected"
  end
  return not RESULTS[value.kind] and value or nil
end

function enqueue.run(session, node)
  local call, a = session.call, node.attrs
  local outcome = { result = "error", seconds = function() return 0 end }
  local raised
  if not node.fault then raised = wait(session, node, outcome) end
  if outcome.result == "queue-full" then session:warn(14207, node.text .. ": the queue is full") end
  call.env.notify { kind = "dequeued", call = call.sid, queue = outcome.sid,
    result = outcome.result }
  local params = {
    { "QueueResult", outcome.result }, { "QueueSid", outcome.sid },
    { "QueueTime", outcome.seconds() },
  }
  if a.action and (raised or call.ended) then
    session:post(a.action, params, a.method, "action")
  elseif a.action then
    return session:fetch(a.action, params, a.method, "action")
  end
  if raised then task.unwind(raised) end
  call:check()
end

return enqueue
