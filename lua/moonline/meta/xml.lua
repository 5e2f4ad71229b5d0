---@meta moonline.core.xml
---@class moonline.core.xml
local xml = {}

---@class moonline.XmlNode
---@field name string? element name with its prefix; nil for text
---@field text string? of a text node
---@field line integer
---@field column integer
---@field attributes { name: string, value: string, line: integer, column: integer }[]
---@field children moonline.XmlNode[]

---No DOCTYPE, no entities beyond the five, no network.
---@param text string
---@return moonline.XmlNode? root, string? message, integer? line, integer? column
function xml.parse(text) end

return xml
