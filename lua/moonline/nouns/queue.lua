-- <Queue url method>name</Queue> in a Dial: the first who waits in a queue.

local agent = require "moonline.room.agent"
local record = require "moonline.dial.record"
local task = require "moonline.task"
local url = require "moonline.webhook.url"

local noun = {
  name = "Queue",
  attrs = {
    url = { "url", code = 14210 },
    method = { "method", default = "POST", code = 14211 },
    reservationSid = { "text", unsupported = true },
    postWorkActivitySid = { "text", unsupported = true },
  },
  text = true,
}

function noun.check(node, report)
  if node.text ~= "" then return end
  report(14204, node, "<Queue> needs the name of a queue as its text")
  node.fault = { code = 14204, message = "no name" }
end

---Takes the first caller, or waits for one: called by the Dial in place of calling somebody.
---@param dial table
---@param node moonline.Node
---@param outcome moonline.DialOutcome
function noun.connect(dial, node, outcome)
  local a, attrs = node.attrs, dial.attrs
  local begun
  -- The caller may hang up, or this side: what is told of it holds at every moment.
  local function tell()
    local seconds = begun and math.floor(task.clock() - begun + 1e-6) or 0
    for _, pair in ipairs(outcome.params) do
      if pair[1] == "DialCallDuration" then pair[2] = seconds end
    end
  end
  outcome.status = "canceled" -- when this side goes before
  outcome.params = { { "DialCallDuration", 0 }, { "DialBridged", "false" } }
  local _ <close> = task.closing(tell)
  local caller, why = agent.take(dial.call, node.text, {
    timeout = attrs.timeout, time_limit = attrs.timeLimit, star = attrs.hangupOnStar,
    ring_tone = attrs.ringTone, method = a.method,
    url = a.url and url.resolve(a.url, dial.session.base),
  }, function(sid, room)
    begun = task.clock()
    outcome.status = "completed"
    outcome.params = {
      { "DialCallSid", sid }, { "DialCallDuration", 0 }, { "DialBridged", "true" },
      { "QueueSid", room },
    }
    record.at(dial, "answer", { room = room, member = sid })
  end)
  if caller then return end
  outcome.status = why == "unknown" and "failed" or why
  if why == "unknown" then dial.session:warn(14209, node.text .. ": there is no such queue") end
end

return noun
