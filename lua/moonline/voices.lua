-- Voices that documents name, as far as the synthesizer here can stand in for them: what language they
-- speak, and whether a man or a woman.

local voices = {}

local OWN = { man = "man", woman = "woman", alice = "woman" }

-- Polly's, by language: names of women; names of men.
local POLLY = {
  ["ar"] = { "Hala Zeina", "Zayd" },
  ["ca-ES"] = { "Arlet", "" },
  ["cmn-CN"] = { "Zhiyu", "" },
  ["cs-CZ"] = { "Jitka", "" },
  ["cy-GB"] = { "Gwyneth", "" },
  ["da-DK"] = { "Naja Sofie", "Mads" },
  ["de-AT"] = { "Hannah", "" },
  ["de-CH"] = { "Sabrina", "" },
  ["de-DE"] = { "Marlene Vicki", "Daniel Hans" },
  ["en-AU"] = { "Nicole Olivia", "Russell" },
  ["en-GB"] = { "Amy Emma", "Arthur Brian Geraint" },
  ["en-IE"] = { "Niamh", "" },
  ["en-IN"] = { "Aditi Kajal Raveena", "" },
  ["en-NZ"] = { "Aria", "" },
  ["en-US"] = {
    "Danielle Ivy Joanna Kendra Kimberly Ruth Salli",
    "Gregory Joey Justin Kevin Matthew Patrick Stephen",
  },
  ["en-ZA"] = { "Ayanda", "" },
  ["es-ES"] = { "Conchita Lucia", "Enrique Raul Sergio" },
  ["es-MX"] = { "Mia", "Andres" },
  ["es-US"] = { "Lupe Penelope", "Miguel Pedro" },
  ["fi-FI"] = { "Suvi", "" },
  ["fr-BE"] = { "Isabelle", "" },
  ["fr-CA"] = { "Chantal Gabrielle", "Liam" },
  ["fr-FR"] = { "Celine Lea", "Mathieu Remi" },
  ["is-IS"] = { "Dora", "Karl" },
  ["it-IT"] = { "Bianca Carla", "Adriano Giorgio" },
  ["ja-JP"] = { "Kazuha Mizuki Tomoko", "Takumi" },
  ["ko-KR"] = { "Jihye Seoyeon", "" },
  ["nb-NO"] = { "Ida Liv", "" },
  ["nl-BE"] = { "Lisa", "" },
  ["nl-NL"] = { "Laura Lotte", "Ruben" },
  ["pl-PL"] = { "Ewa Maja Ola", "Jacek Jan" },
  ["pt-BR"] = { "Camila Vitoria", "Ricardo Thiago" },
  ["pt-PT"] = { "Ines", "Cristiano" },
  ["ro-RO"] = { "Carmen", "" },
  ["ru-RU"] = { "Tatyana", "Maxim" },
  ["sv-SE"] = { "Astrid Elin", "" },
  ["tr-TR"] = { "Burcu Filiz", "" },
  ["yue-CN"] = { "Hiujin", "" },
}

local GENDERS = { "woman", "man" }
local known = {}
for language, names in pairs(POLLY) do
  for i, list in ipairs(names) do
    for name in list:gmatch("%a+") do
      known[name] = { language = language, gender = GENDERS[i] }
    end
  end
end

-- Names of stars; those of women are the rest.
local CHIRP_MEN = {}
for name in ([[Achird Algenib Algieba Alnilam Charon Enceladus Fenrir Iapetus Orus Puck Rasalgethi
  Sadachbia Sadaltager Schedar Umbriel Zubenelgenubi]]):gmatch("%a+") do CHIRP_MEN[name] = true end

-- Letters: mostly A woman, B man, and so on; in American English otherwise.
local AMERICAN_MEN = { A = true, B = true, D = true, I = true, J = true }

local ACCENTS = {
  ["é"] = "e", ["É"] = "E", ["ó"] = "o", ["ú"] = "u", ["ê"] = "e", ["í"] = "i", ["á"] = "a",
}

local function polly(name)
  local plain = name:gsub("[\xC3].", ACCENTS)
  return known[plain:match("^Polly%.(%a+)")]
end

local function google(name)
  local language, kind, one = name:match("^Google%.(%a+%-%a+)%-([%w-]+)%-(%a+)$")
  if not language then return nil end
  local is_man
  if #one > 1 then
    is_man = CHIRP_MEN[one]
  elseif language == "en-US" and not kind:find("Chirp", 1, true) then
    is_man = AMERICAN_MEN[one]
  else
    is_man = one:byte() % 2 == 0
  end
  return { language = language, gender = is_man and "man" or "woman" }
end

---What the synthesizer takes for a voice.
---@param name string as in a document
---@param configured table<string, string> speech.voices
---@return string? voice nil: none that we know
---@return string? language of the voice it stands in for
function voices.find(name, configured)
  local own = configured[name] or OWN[name]
  if own then return own end
  local other = polly(name) or google(name)
  if not other then return nil end
  return other.gender, other.language
end

return voices
