-- <Echo/>: the caller hears itself until it hangs up.

return {
  name = "Echo",
  screening = false,
  run = function(session)
    session.call:echo()
  end,
}
