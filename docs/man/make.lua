-- Makes the source of a manual page for scdoc: `moonline docs/man/make.lua FILE.scd`. A line @COMMANDS@
-- becomes the commands and their options, by the parsers that read them; a line @KEYS@ the keys of the
-- configuration, by the tables of docs/configuration.md.

local completion = require "moonline.cli.completion"

local page = ...
local docs = page:match "^(.*)/[^/]*/[^/]*$"

-- Text for scdoc: nothing in it is a mark, but `code` is bold.
local function plain(text)
  text = text:gsub("%[([^%]]*)%]%([^)]*%)", "%1"):gsub("%*%*([^*]*)%*%*", "%1")
  return (text:gsub("([^`]*)(`?[^`]*`?)", function(before, code)
    local word = code:match "^`(.*)`$"
    before = before:gsub("[\\*_<>#]", "\\%0")
    if not word then return before .. code:gsub("[\\*_<>#]", "\\%0") end
    return before .. "*" .. word:gsub("[\\*_]", "\\%0") .. "*"
  end))
end

local function heading(text)
  print("\n## " .. text .. "\n")
end

local function item(label, text)
  print(label .. "\n\t" .. text .. "\n")
end

local function name_of(element)
  local name = element._argname or (element._choices and table.concat(element._choices, "|"))
    or element._name:gsub("^%-+", ""):upper()
  return type(name) == "table" and table.concat(name, " ") or name
end

-- "*--sip* _URI_"; an argument is "_FILE_".
local function label(element)
  local name = "_" .. plain(name_of(element)) .. "_"
  if not element._aliases then return name end
  local aliases = {}
  for i, alias in ipairs(element._aliases) do aliases[i] = "*" .. alias .. "*" end
  local text = table.concat(aliases, ", ")
  return element._maxargs > 0 and text .. " " .. name or text
end

local function describe(element)
  local text = plain(element._description or "")
  local default = element._default
  if type(default) == "string" then text = ("%s Default: %s."):format(text, plain(default)) end
  if element._maxcount and element._maxcount > 1 then text = text .. " May be repeated." end
  return text
end

local function commands()
  for _, command in ipairs(completion.parser()._commands) do
    local words = { command._name, "[OPTION]..." }
    for _, argument in ipairs(command._arguments) do
      words[#words + 1] = name_of(argument) .. (argument._maxargs > 1 and "..." or "")
    end
    heading(table.concat(words, " "))
    print(plain(command._description) .. "\n")
    for _, argument in ipairs(command._arguments) do item(label(argument), describe(argument)) end
    for _, option in ipairs(command._options) do
      if option._name ~= "-h" then item(label(option), describe(option)) end
    end
    if command._epilog then print(plain(command._epilog):gsub("\n  +", " ") .. "\n") end
  end
end

local function keys()
  local is_key, section = false, nil
  for line in io.lines(docs .. "/configuration.md") do
    local title = line:match "^##+ (.*)$"
    local cells, row = {}, line:match "^|(.*)|$"
    for cell in (row and row:gsub("\\|", "\1") .. "|" or ""):gmatch "([^|]*)|" do
      cells[#cells + 1] = cell:gsub("\1", "|"):match "^%s*(.-)%s*$"
    end
    if title then
      is_key, section = false, title
    elseif cells[1] == "key" then
      is_key = true
      if section then heading(plain(section)) end
      section = nil
    elseif #cells == 0 then
      is_key = false
    elseif is_key and not cells[1]:find "^%-+$" then
      local text = plain(cells[#cells])
      if #cells > 2 and cells[2] ~= "" then
        text = ("%s%sDefault: %s."):format(text, text == "" and "" or ". ", plain(cells[2]))
      end
      item(plain(cells[1]), text)
    end
  end
end

for line in io.lines(page) do
  if line == "@COMMANDS@" then commands() elseif line == "@KEYS@" then keys() else print(line) end
end
