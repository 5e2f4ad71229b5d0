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
function Media:close() end

---Records what `left` (and `right`) say into a WAV file; with hears, what left hears in its room instead
---of right. Of rooms: the room of that sid as a whole, in place of legs; or with member (a CallSid) that
---one as `right`. box gets {kind="recorded", recorder, why,
---key, duration, channels, absent, text}, why being "stopped", "max", "silence", "key", "failed".
---@param options { path: string, left: moonline.CoreLeg?, right: moonline.CoreLeg?, hears: boolean?, rooms: moonline.Rooms?, room: string?, member: string?, dual: boolean?, trim: boolean?, max: number?, silence: number?, keys: string?, box: moonline.Mailbox }
---@return moonline.Recorder?, string? why, string? text
function Media:record(options) end

---@param leg moonline.CoreLeg
function Recorder:join(leg) end
---@param paused boolean
---@param skip boolean? leave the pause out instead of recording silence
function Recorder:pause(paused, skip) end
---Finishes the file; the recorded event follows.
function Recorder:stop() end
---Like stop. Has __close.
function Recorder:close() end

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
