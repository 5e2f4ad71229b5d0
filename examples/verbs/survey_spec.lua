-- Run it: moonline --virtual examples/verbs/survey_spec.lua
local trial = require "moonline.trial"

local VERBS = { verbs = arg[0]:match("^(.*)/") or "." }

trial.test("<Survey> posts the score and goes on with the answer", VERBS, function(t)
  t.web["/scored"] = "<Response><Say>Thank you.</Say></Response>"
  t:call '<Survey question="How was it?" action="/scored"/><Say>never</Say>'
  t:press "4"
  assert(t:request("/scored").SurveyScore == "4")
  assert(t:ended() == "completed")
  assert(t:said "How was it? Press a key from 1 to 5." and t:said "Thank you.")
  assert(not t:said "never")
end)

trial.test("<Survey> takes no score that is too high", VERBS, function(t)
  t:call '<Survey question="How was it?" max="3" action="/scored"/><Say>Goodbye.</Say>'
  t:press "4"
  t:ended()
  assert(t:said "Goodbye.")
end)

trial.test("<Survey> needs a question", VERBS, function(t)
  t:call "<Survey/><Say>Goodbye.</Say>"
  t:ended()
  assert(t:warned(12200) and t:said "Goodbye.")
end)
