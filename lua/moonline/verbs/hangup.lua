-- <Hangup/>: ends the call. A call that still rings is answered first, unless a party that it
-- dialled refused: then the caller gets that refusal.

return {
  name = "Hangup",
  run = function(session)
    session:finish()
  end,
}
