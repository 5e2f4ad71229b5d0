-- Connection overrides: the fragment of a webhook's URL, such as #ct=2000&rc=3&rp=all.

local overrides = {}

local LIMITS = { ct = { 100, 10000 }, rt = { 100, 15000 }, tt = { 100, 15000 }, rc = { 0, 5 } }
local NO_EDGE = "e=%s: calls leave from here, there are no edges"
local POLICIES = { ["4xx"] = true, ["5xx"] = true, ct = true, rt = true, all = true }

local function policy(value, warn)
  local set = {}
  for word in value:gmatch("[^,]+") do
    if POLICIES[word] then
      set[word] = true
    else
      warn(11243, ("rp=%s: 4xx, 5xx, ct, rt or all expected"):format(word))
    end
  end
  return next(set) and set
end

---How a request is made: connect_timeout, read_timeout, timeout (seconds), retries, retry_on (set of
---"4xx", "5xx", "ct", "rt", "all"), no_sni.
---@param fragment string?
---@param defaults { connect_timeout: number, timeout: number }
---@param warn fun(code: integer, message: string)
---@return table
function overrides.read(fragment, defaults, warn)
  local how = {
    connect_timeout = defaults.connect_timeout, timeout = defaults.timeout, retries = 1,
    retry_on = { ct = true },
  }
  for name, value in (fragment or ""):gmatch("([^&=]+)=([^&]*)") do
    local range, number = LIMITS[name], math.tointeger(tonumber(value))
    if range and number and number >= range[1] and number <= range[2] then
      if name == "ct" then how.connect_timeout = number / 1000
      elseif name == "rt" then how.read_timeout = number / 1000
      elseif name == "tt" then how.timeout = number / 1000
      else how.retries = number end
    elseif range then
      warn(11100, ("%s=%s: %d to %d expected"):format(name, value, range[1], range[2]))
    elseif name == "rp" then
      how.retry_on = policy(value, warn) or how.retry_on
    elseif name == "sni" and (value == "y" or value == "n") then
      how.no_sni = value == "n"
    elseif name == "e" then
      warn(11241, NO_EDGE:format(value))
    else
      warn(11100, ("%s=%s: ct, rt, tt, rc, rp or sni=y|n expected"):format(name, value))
    end
  end
  return how
end

return overrides
