-- Answers to GETs that may be kept: as ETag, Last-Modified and Cache-Control allow (RFC 9111).

local request = require "moonline.webhook.request"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

local cache = {}

---What is known of the age of an answer.
---@class moonline.Freshness
---@field etag string?
---@field modified string?
---@field fresh_until number seconds, task.time: until then nobody is asked again

local function directives(text)
  local set = {}
  for word in text:lower():gmatch("[^,%s]+") do
    local name, value = word:match("^([^=]+)=?\"?([^\"]*)")
    if name then set[name] = value end
  end
  return set
end

---@param headers table<string, string> lower-case names
---@param now number
---@return moonline.Freshness? nil when the answer may not be kept or nothing says how long
function cache.freshness(headers, now)
  local control = directives(headers["cache-control"] or "")
  if control["no-store"] then return nil end
  local age = not control["no-cache"] and tonumber(control["max-age"]) or 0
  local etag, modified = headers.etag, headers["last-modified"]
  if not (etag or modified) and age <= 0 then return nil end
  return { etag = etag, modified = modified, fresh_until = now + age }
end

---The headers that make a request conditional.
---@param known moonline.Freshness?
---@return string[][]
function cache.conditions(known)
  local headers = {}
  if known and known.etag then headers[#headers + 1] = { "If-None-Match", known.etag } end
  if known and known.modified then
    headers[#headers + 1] = { "If-Modified-Since", known.modified }
  end
  return headers
end

---A place for a bounded number of entries; past that the oldest goes, and is handed to `drop`.
---@class moonline.Shelf
---@field most integer
---@field count integer
local Shelf = {}
Shelf.__index = Shelf

---@param most integer
---@param drop fun(entry: table)?
---@return moonline.Shelf
function cache.shelf(most, drop)
  return setmetatable({ most = most, drop = drop, entries = {}, order = {} }, Shelf)
end

function Shelf:get(key)
  return self.entries[key]
end

---@param key string
---@param entry table? nil takes it away
function Shelf:put(key, entry)
  if self.entries[key] then
    for i, name in ipairs(self.order) do
      if name == key then
        table.remove(self.order, i)
        break
      end
    end
  end
  self.entries[key] = entry
  if not entry then return end
  self.order[#self.order + 1] = key
  if #self.order <= self.most then return end
  local oldest = table.remove(self.order, 1)
  local gone = self.entries[oldest]
  self.entries[oldest] = nil
  if self.drop then self.drop(gone) end
end

---Fetches like request.fetch. What a GET got before is asked for only when it may have changed.
---@param shelf moonline.Shelf
---@param env table
---@param hook moonline.Webhook
---@param warn fun(code: integer, message: string)?
---@return moonline.WebhookResponse?, integer? code, string? message, string? type
function cache.fetch(shelf, env, hook, warn)
  if hook.method ~= "GET" then return request.fetch(env, hook, warn) end
  local key = url.with_query(hook.url, url.form(hook.params))
  local known = shelf:get(key)
  if known and known.fresh_until > task.time() then return known.response end
  hook.headers = cache.conditions(known)
  local response, code, message, kind = request.fetch(env, hook, warn)
  if not response then return nil, code, message, kind end
  local fresh = cache.freshness(response.headers, task.time())
  if response.status == 304 and known then
    known.fresh_until = fresh and fresh.fresh_until or 0
    return known.response
  end
  if response.status == 200 and fresh then
    fresh.response = response
    shelf:put(key, fresh)
  else
    shelf:put(key, nil)
  end
  return response
end

return cache
