-- <Hangup/>: ends the call.

return {
  name = "Hangup",
  run = function(session)
    session.call:hangup()
  end,
}
