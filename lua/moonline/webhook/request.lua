-- One webhook: signed, retried, redirected hop by hop, with the cookies of its call.

local crypto = require "moonline.core.crypto"
local memo = require "moonline.memo"
local overrides = require "moonline.webhook.overrides"
local signature = require "moonline.webhook.signature"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"
local version = require("moonline.core.sys").versions().version

local MAX_REDIRECTS = 10
local USER_AGENT = "User-Agent: moonline/" .. version
local FORM = "application/x-www-form-urlencoded; charset=utf-8"

-- Failure of the transport -> Twilio's code.
local CODES = {
  ["bad-url"] = 11100, resolve = 11210, connect = 11205, ["connect-timeout"] = 11205,
  timeout = 11205, tls = 11220, ["wrong-name"] = 11235, expired = 11236, certificate = 11237,
  protocol = 11206, ["too-big"] = 11750, denied = 11205,
}

local REDIRECT = { [301] = "GET", [302] = "GET", [303] = "GET", [307] = "same" }

---@class moonline.Webhook
---@field url string absolute, may carry connection overrides in its fragment
---@field method "GET"|"POST"
---@field params string[][] list of { name, value }
---@field jar moonline.Jar? cookies of the call
---@field headers string[][]? more request headers (conditional GETs)
---@field body string? of a POST, instead of the parameters
---@field type string? Content-Type of that body
---@field save string? write the body there
---@field form string? the parameters, form-encoded, where they are at hand
---@field token string? I-Twilio-Idempotency-Token, when it is tried again later
---@field what string? of callbacks: "status completed"
---@field max_body integer?
---@field plain boolean? no parameters, no signature (media)
---@field unsigned boolean? no signature (scripts)
---@field timeout number? seconds in all, instead of the configuration's

---@class moonline.WebhookResponse
---@field status integer
---@field headers table<string, string> lower-case names
---@field body string
---@field url string the URL that answered, after redirects, without the parameters of a GET
---@field type string the media type, lower case, "" when none

local request = {}

-- The parameters that a URL does not carry yet: a redirect may have repeated those of a GET.
local function absent(list, target)
  local query = target:match("%?(.*)$")
  if not query then return list end
  local there, rest = {}, {}
  for _, pair in ipairs(url.parse_form(query)) do there[pair[1] .. "=" .. pair[2]] = true end
  for _, pair in ipairs(list) do
    if not there[pair[1] .. "=" .. tostring(pair[2])] then rest[#rest + 1] = pair end
  end
  return rest
end

-- The same path at another server, which is told whom it was meant for; what is on this machine stays.
local function diverted(target, server, headers)
  local parts = url.parse(target)
  if url.is_here(parts.host) then return target end
  headers[#headers + 1] = "X-Forwarded-Host: " .. parts.host
  return server .. target:match("^%a+://[^/?]*(.*)$")
end

-- The header lines of a request for `final`.
local function header_lines(env, hook, final, post, token)
  local lines = { USER_AGENT, "Accept: */*" }
  for _, header in ipairs(hook.headers or {}) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  if not (hook.plain or hook.unsigned) then
    lines[#lines + 1] = "I-Twilio-Idempotency-Token: " .. token
    lines[#lines + 1] = "X-Twilio-Signature: "
      .. signature.of(env.config.auth_token, final, post and hook.params or nil)
  end
  if post then lines[#lines + 1] = "Content-Type: " .. (hook.type or FORM) end
  return lines
end

-- Credentials and cookies apart, a hop is judged and signed on its own.
local function exchange(env, hook, target, method, how, token)
  local list = method == "GET" and absent(hook.params, target) or hook.params
  local post = method == "POST"
  local form = hook.plain and "" or post and hook.form or url.form(list)
  local final = url.with_query(target, post and "" or form)
  local headers = header_lines(env, hook, final, post, token)
  local box = task.mailbox()
  local divert = env.config.webhook.divert
  if divert then final = diverted(final, divert, headers) end
  env.counters:add "moonline_http_requests_total"
  env.client:fetch({
    url = final, method = method, headers = headers,
    body = post and (hook.body or form) or nil, jar = hook.jar,
    connect_timeout = how.connect_timeout, read_timeout = how.read_timeout,
    timeout = math.max(how.deadline - task.clock(), 0.001), no_sni = how.no_sni,
    max_body = hook.max_body or env.config.webhook.max_body, save = hook.save,
  }, box)
  return box:wait "response"
end

local CONNECT = { connect = true, ["connect-timeout"] = true, resolve = true }
local FINAL = { denied = true, ["bad-url"] = true, ["too-big"] = true, file = true }

-- Should this outcome be tried again?
local function is_retried(event, how)
  local on = how.retry_on
  if CONNECT[event.failure] then
    return on.ct or on.all
  elseif event.failure == "timeout" then
    return on.rt or on.all
  elseif event.failure then
    return on.all and not FINAL[event.failure]
  elseif event.status >= 500 then
    return on["5xx"] or on.all
  end
  return event.status >= 400 and (on["4xx"] or on.all)
end

local function attempt(env, hook, target, method, how, token)
  local event
  for try = 0, how.retries do
    event = exchange(env, hook, target, method, how, token)
    local last = try == how.retries or task.clock() >= how.deadline
    if last or not is_retried(event, how) then break end
  end
  return event
end

local media_type = memo(function(content_type)
  return content_type:match("^%s*([^;%s]*)"):lower()
end)

---Fetches. Redirects are followed (at most 10); any other status comes back as a response.
---@param env table config, client
---@param hook moonline.Webhook
---@param warn fun(code: integer, message: string)?
---@return moonline.WebhookResponse?
---@return integer? code
---@return string? message
---@return string? type media type of an answer that was too big
function request.fetch(env, hook, warn)
  local target, fragment = url.without_fragment(hook.url)
  if not target then return nil, 11100, hook.url .. ": not an http or https URL" end
  local how = overrides.read(fragment, env.config.webhook, warn or function() end)
  how.deadline = task.clock() + (hook.timeout or how.timeout)
  local token, method = hook.token or crypto.random_hex(16), hook.method
  for _ = 0, MAX_REDIRECTS do
    local event = attempt(env, hook, target, method, how, token)
    local headers = event.headers
    if event.failure then
      return nil, CODES[event.failure] or 11200, ("%s: %s"):format(url.public(target), event.text),
        media_type(headers["content-type"] or "")
    end
    local becomes = REDIRECT[event.status]
    if not becomes and (event.status // 100 ~= 3 or event.status == 304) then
      return {
        status = event.status, headers = headers, body = event.body, url = target,
        type = media_type(headers["content-type"] or ""),
      }
    end
    local next_target = becomes and headers.location and url.resolve(headers.location, target)
    if not next_target then
      return nil, 11216, ("%s: a redirect (%d) without a usable Location"):format(
        url.public(target), event.status)
    end
    if becomes == "GET" then method = "GET" end
    target = next_target:match("^[^#]*")
  end
  return nil, 11215, ("%s: more than %d redirects"):format(url.public(hook.url), MAX_REDIRECTS)
end

return request
