-- Pages of a list: sizes, numbers, and the relative URIs that lead from one to the next.

local json = require "dkjson"
local task = require "moonline.core.task"
local url = require "moonline.webhook.url"

local page = {}

local USUAL, MOST = 50, 1000

---What part of the list is asked for.
---@param query moonline.Form
---@return { size: integer, number: integer, first: integer } part first: index of its first, from 0
function page.asked(query)
  local size = query:integer("PageSize", 1, MOST, 20001) or USUAL
  local number = query:integer("Page", 0, 1000000, 20001) or 0
  return { size = size, number = number, first = size * number }
end

-- The query with another page number.
local function at(path, query, part, number)
  local list = {}
  for _, pair in ipairs(query.list) do
    if pair[1] ~= "Page" and pair[1] ~= "PageSize" and pair[1] ~= "PageToken" then
      list[#list + 1] = pair
    end
  end
  list[#list + 1] = { "PageSize", part.size }
  list[#list + 1] = { "Page", number }
  return path .. "?" .. url.form(list)
end

local TURN = 25 -- items written in one turn of the loop: some milliseconds

-- Items as texts, so that a long page does not hold up the calls.
local function written(items)
  local list = {}
  for i, item in ipairs(items) do
    local text = json.encode(item)
    list[i] = setmetatable({}, { __tojson = function() return text end })
    if i % TURN == 0 then task.sleep(0) end
  end
  return setmetatable(list, { __jsontype = "array" })
end

---The envelope of a page. Waits.
---@param path string of the list
---@param query moonline.Form
---@param part table as page.asked gave it
---@param name string of the list in the envelope: "calls"
---@param items table[] those of this page, as JSON tables
---@param more boolean are there some after these?
---@return table
function page.of(path, query, part, name, items, more)
  return {
    [name] = written(items),
    page = part.number, page_size = part.size, start = part.first,
    ["end"] = math.max(part.first, part.first + #items - 1),
    uri = at(path, query, part, part.number), first_page_uri = at(path, query, part, 0),
    next_page_uri = more and at(path, query, part, part.number + 1) or json.null,
    previous_page_uri = part.number > 0 and at(path, query, part, part.number - 1) or json.null,
  }
end

---Answers with the page of a list that is there as a whole.
---@param reply moonline.Reply
---@param query moonline.Form
---@param name string
---@param all table[]
---@param shape fun(item: any): table
function page.reply(reply, query, name, all, shape)
  local part, items = page.asked(query), {}
  for i = part.first + 1, math.min(#all, part.first + part.size) do
    items[#items + 1] = shape(all[i])
  end
  local more = #all > part.first + part.size
  reply:json(200, page.of(reply.info.path, query, part, name, items, more))
end

return page
