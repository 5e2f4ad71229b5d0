-- <Survey question max action>: asks for a key from 1 to max, and posts it to action as SurveyScore.
--   twiml = { verbs = { "examples/verbs" } }      in the configuration

local survey = {
  attrs = {
    question = { "text", required = true },
    max = { "integer", default = 5, min = 1, max = 9 },
    action = { "url" },
  },
}

function survey.run(session, node)
  local a = node.attrs
  local prompt = ("%s Press a key from 1 to %d."):format(a.question, a.max)
  local key = session.call:gather { say = prompt, digits = 1, timeout = 5 }
  local score = math.tointeger(tonumber(key)) or 0
  if score < 1 or score > a.max then return nil end -- no score: on to the next verb
  session.hooks:fire("survey/scored", session.call.sid, score)
  return a.action and session:fetch(a.action, { SurveyScore = score })
end

return survey
