sip = { listn = {} }
voice = { url = 5 }
