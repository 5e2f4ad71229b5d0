-- Who calls: From, or what a trunk vouches for (RFC 3325); nobody, for a caller who asks for that
-- (RFC 3323).

local headers = require "moonline.headers"
local sip = require "moonline.core.sip"

local identity = {}

local NOBODY = "anonymous" -- From and Caller of a withheld identity
local HIDES = { id = true, user = true, header = true }

local function is_withheld(call)
  if call.from:find("@anonymous.invalid", 1, true) then return true end
  for _, header in ipairs(sip.headers(call.info.headers, "Privacy")) do
    for word in header[2]:lower():gmatch("[^;,%s]+") do
      if HIDES[word] then return true end
    end
  end
  return false
end

-- The first address of P-Asserted-Identity as a SIP URI, and its display name. A tel: number is one at the
-- host of From.
local function asserted(call)
  local value = headers.first(call.info.headers, "P-Asserted-Identity") or ""
  local display = value:match('^%s*"([^"]*)"%s*<') or value:match("^%s*([^<\"]-)%s*<")
  local uri = value:match("<([^>]*)>") or value:match("^%s*([^,%s;]+)") or ""
  local scheme, rest = uri:match("^(%a+):([^;?]*)")
  scheme = (scheme or ""):lower()
  if scheme == "tel" then
    local digits = rest:gsub("[().-]", "")
    local host = call.from:match("@(.*)$")
    if digits:match("^%+?%d+$") and host then
      return ("sip:%s@%s"):format(digits, host), display, digits
    end
  elseif (scheme == "sip" or scheme == "sips") and rest:match("^[^@%s]+@[^@%s]+$") then
    return scheme .. ":" .. rest, display, rest:match("^[^@]+")
  end
  return nil
end

---Settles from, display name and `withheld` of a call that came in, and `asserted`: the user a trunk
---named, known to nobody but the next trunk when the caller withholds it. Only trunks are believed.
---@param call moonline.Leg
function identity.settle(call)
  local from, display, user
  if call.info.trusted then from, display, user = asserted(call) end
  call.withheld, call.asserted = is_withheld(call), user
  if call.withheld then
    call.from, call.info.from_display = NOBODY, nil
  elseif from then
    call.from, call.info.from_display = from, display ~= "" and display or nil
  end
end

return identity
