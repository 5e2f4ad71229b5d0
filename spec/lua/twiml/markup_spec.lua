-- Speech markup as the speech engine reads it: measured in what it says.
local audio = require "support.audio"
local document = require "moonline.twiml.document"
local media = require "moonline.core.media"
local process = require "support.process"
local task = require "moonline.core.task"

describe("V1 speech markup", function()
  local folder, speech

  setup(function()
    folder = process.folder()
    speech = assert(media.speech { cache = folder })
  end)

  teardown(function()
    speech:close()
    process.remove(folder)
  end)

  -- The recording of a Say's text: samples, seconds, and its bytes to compare.
  local function say(text)
    local doc, problems = document.parse(("<Response><Say>%s</Say></Response>"):format(text))
    assert.same({}, problems)
    local node, box = doc.verbs[1], task.mailbox()
    speech:say(node.markup or node.text, { markup = node.markup ~= nil, language = "en-US" }, box)
    local path = assert(box:wait({ "spoken" }).path)
    local wav = audio.read(path)
    return wav[1], wav.seconds, process.read(path)
  end

  local function seconds(text)
    return (select(2, say(text)))
  end

  local function loudness(text)
    local samples, length = say(text)
    return audio.level(samples, 0, length)
  end

  it("<break time>: silence of that length", function()
    local plain = seconds 'one <break time="0s"/> two'
    assert.near(plain + 2, seconds 'one <break time="2s"/> two', 0.15)
    assert.near(plain + 0.5, seconds 'one <break time="500ms"/> two', 0.15)
  end)

  it("<break strength>: the stronger the longer", function()
    local weak = seconds 'one <break strength="none"/> two'
    local medium = seconds 'one <break strength="medium"/> two'
    assert.is_true(weak < medium)
    assert.is_true(medium < seconds 'one <break strength="x-strong"/> two')
  end)

  it("<emphasis level>: more of it is spoken slower or louder than less", function()
    local strong = '<emphasis level="strong">elephants</emphasis>'
    local reduced = '<emphasis level="reduced">elephants</emphasis>'
    assert.is_true(seconds(strong) > seconds(reduced) or loudness(strong) > loudness(reduced))
  end)

  it("<prosody rate>: slow takes longer, fast less", function()
    local usual = seconds "this is a longer sentence"
    assert.is_true(seconds '<prosody rate="slow">this is a longer sentence</prosody>' > usual * 1.1)
    assert.is_true(seconds '<prosody rate="200%">this is a longer sentence</prosody>' < usual * 0.8)
  end)

  it("<prosody volume>: loud and soft", function()
    local usual = loudness "this is a sentence"
    assert.is_true(loudness '<prosody volume="soft">this is a sentence</prosody>' < usual * 0.9)
    assert.is_true(loudness '<prosody volume="loud">this is a sentence</prosody>' > usual * 1.02)
  end)

  -- How often the wave crosses zero upwards, a second.
  local function crossings(text)
    local samples, length = say(text)
    local count = 0
    for i = 2, #samples do
      if samples[i - 1] < 0 and samples[i] >= 0 then count = count + 1 end
    end
    return count / length
  end

  it("<prosody pitch>: high is higher than low", function()
    local high = crossings '<prosody pitch="x-high">moon moon moon moon</prosody>'
    assert.is_true(high > 1.1 * crossings '<prosody pitch="x-low">moon moon moon moon</prosody>')
  end)

  local function alike(one, other)
    return select(3, say(one)) == select(3, say(other))
  end

  it("<sub alias>: the alias is read", function()
    local read = seconds '<sub alias="one two three four five six seven">7</sub>'
    assert.near(seconds "one two three four five six seven", read, 0.2)
    assert.is_true(read > 2 * seconds "7")
  end)

  it("<lang xml:lang>: read in that language", function()
    local french = '<lang xml:lang="fr-FR">chat</lang>'
    assert.is_false(alike(french, '<lang xml:lang="en-US">chat</lang>'))
  end)

  it("<say-as interpret-as>: characters and digits one by one, a number whole", function()
    local whole = '<say-as interpret-as="cardinal">1234</say-as>'
    assert.is_true(alike(whole, '<say-as interpret-as="number">1234</say-as>'))
    assert.is_false(alike(whole, '<say-as interpret-as="digits">1234</say-as>'))
    assert.is_true(alike('<say-as interpret-as="digits">1234</say-as>',
      '<say-as interpret-as="telephone">1234</say-as>'))
    assert.is_true(alike('<say-as interpret-as="spell-out">abc</say-as>',
      '<say-as interpret-as="characters">abc</say-as>'))
    assert.is_false(alike('<say-as interpret-as="spell-out">abc</say-as>', "<sub>abc</sub>"))
  end)

  it("<p> <s>: a paragraph rests longer than a sentence, a sentence than none", function()
    local none = seconds "<sub>one</sub> two"
    local sentence = seconds "<s>one</s><s>two</s>"
    assert.is_true(none < sentence)
    assert.is_true(sentence <= seconds "<p>one</p><p>two</p>")
  end)
end)
