local voices = require "moonline.voices"

describe("V2 voices", function()
  it("are those of the configuration first", function()
    assert.same({ "en-us+f4" }, { voices.find("Polly.Joanna", { ["Polly.Joanna"] = "en-us+f4" }) })
    assert.same({ "x" }, { voices.find("man", { man = "x" }) })
  end)

  it("have a few old names", function()
    assert.same({ "man" }, { voices.find("man", {}) })
    assert.same({ "woman" }, { voices.find("woman", {}) })
    assert.same({ "woman" }, { voices.find("alice", {}) })
  end)

  it("of others have a language, and are a man's or a woman's", function()
    for name, expected in pairs {
      ["Polly.Amy"] = { "woman", "en-GB" }, ["Polly.Brian-Neural"] = { "man", "en-GB" },
      ["Polly.Léa-Generative"] = { "woman", "fr-FR" }, ["Polly.Inês"] = { "woman", "pt-PT" },
      ["Polly.Vitória"] = { "woman", "pt-BR" }, ["Polly.Rémi"] = { "man", "fr-FR" },
      ["Google.en-US-Standard-A"] = { "man", "en-US" },
      ["Google.en-US-Neural2-F"] = { "woman", "en-US" },
      ["Google.fr-FR-Wavenet-B"] = { "man", "fr-FR" },
      ["Google.ja-JP-Standard-A"] = { "woman", "ja-JP" },
      ["Google.en-US-Chirp3-HD-Puck"] = { "man", "en-US" },
      ["Google.de-DE-Chirp3-HD-Leda"] = { "woman", "de-DE" },
    } do
      assert.same(expected, { voices.find(name, {}) }, name)
    end
  end)

  it("that nobody knows are none", function()
    for _, name in ipairs { "", "Polly", "Polly.", "Polly.Nobody", "Google.", "Google.en-US-",
      "ElevenLabs.abc", "MAN" } do
      assert.is_nil(voices.find(name, {}), name)
    end
  end)
end)
