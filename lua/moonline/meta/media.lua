---@meta moonline.core.media
-- The audio engine, recorders and speech.

---@class moonline.core.media
local media = {}

---@class moonline.Media
local Media = {}

---@class moonline.Recorder
local Recorder = {}

---@class moonline.Speech
local Speech = {}

---timeout: seconds without RTP before a leg's "lost" event, 0: never.
---@param options { threads: integer?, address: string?, ports: integer[]?, timeout: number? }
---@return moonline.Media?, string? why, string? text
function media.open(options) end

---Cadence text of "ringback" or "busy" for a country of TwiML's ringTone list; nil when unknown.
---@param country string
---@param name string
---@return string?
function media.tone(country, name) end

---Streams that are open.
---@return integer
function Media:streams() end

---Writes the first 100,000 RTP packets from now on into a file: of each "<i8I2I2s2", microseconds of the
---clock, port it came from, port it went to, the packet. Without a path it is finished. Only of an engine
---without threads, as a simulation has.
---@param path string?
---@return boolean? ok, string? why
function Media:keep_packets(path) end
function Media:close() end

---Records what `left` (and `right`) say into a WAV file; with hears, what left hears instead of right,
---and with unsaid nothing else. Of rooms: the room of that sid as a whole, in place of legs; or with member (a CallSid) that
---one as `right`. box gets {kind="recorded", recorder, why,
---key, duration, channels, absent, text}, why being "stopped", "max", "silence", "key", "failed".
---utterance: nothing is recorded until somebody speaks, which {kind="voice", recorder} tells; then to
---`silence` after he ends, or `max` after he began. Mono, without trim.
---@param options { path: string, left: moonline.CoreLeg?, right: moonline.CoreLeg?, hears: boolean?, unsaid: boolean?, rooms: moonline.Rooms?, room: string?, member: string?, dual: boolean?, trim: boolean?, max: number?, silence: number?, keys: string?, utterance: boolean?, box: moonline.Mailbox }
---@return moonline.Recorder?, string? why, string? text
function Media:record(options) end

---Makes a WAV file of one or two channels into an MP3 file. box gets {kind="compressed", op, ok, text}.
---@param from string path
---@param to string path
---@param box moonline.Mailbox
---@return integer op
function Media:compress(from, to, box) end

---@param leg moonline.CoreLeg
function Recorder:join(leg) end
---@param paused boolean
---@param skip boolean? leave the pause out instead of recording silence
function Recorder:pause(paused, skip) end
---Finishes the file; the recorded event follows.
function Recorder:stop() end
---Like stop. Has __close.
function Recorder:close() end

---Makes the header of a recording that a crash cut say what is there: its seconds, or nil and why. Waits
---for the disk: at the start only.
---@param path string
---@return number? seconds, string? why, string? text
function media.repair(path) end

---cache is a folder, made when missing; program defaults to espeak-ng.
---@param options { cache: string, program: string?, children: integer? }
---@return moonline.Speech?, string? why, string? text
function media.speech(options) end

---box gets {kind="spoken", op, path} or {kind="spoken", op, text=why}.
---@param text string plain text, or SSML when options.markup
---@param options { markup: boolean?, language: string?, voice: string? }
---@param box moonline.Mailbox
---@return integer op
function Speech:say(text, options, box) end
---@param op integer
function Speech:cancel(op) end
function Speech:close() end

return media
