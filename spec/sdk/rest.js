// Calls and recordings by the official client: see client.js.
const assert = require("assert");
const { account, answer, client, connect, each, refused, run, sleep, status, to, token, until, url,
  whole } = require("./client.js");

async function main() {
  const account_ = whole(await client.api.v2010.accounts(account).fetch());
  assert.strictEqual(account_.status, "active");
  assert.strictEqual((await client.api.v2010.accounts.list())[0].sid, account);

  const placed = await client.calls.create({
    to, from: "desk", url: answer, record: true, trim: "do-not-trim",
    statusCallback: answer, statusCallbackEvent: ["initiated", "answered", "completed"],
  });
  assert.match(placed.sid, /^CA[0-9a-f]{32}$/);
  assert.strictEqual(placed.direction, "outbound-api");
  assert.ok(placed.dateCreated instanceof Date);
  const talking = whole(await status(placed.sid, "in-progress"));
  assert.strictEqual(talking.to, to);

  const listed = await client.calls.list({ status: "in-progress", limit: 5 });
  assert.ok(listed.some((call) => call.sid === placed.sid));
  assert.strictEqual((await client.calls.list({ to: "sip:nobody@nowhere", limit: 5 })).length, 0);
  const today = new Date();
  const since = await client.calls.list({ startTimeAfter: new Date(today - 3600e3), limit: 50 });
  assert.ok(since.some((call) => call.sid === placed.sid));

  await refused(client.calls(placed.sid).update({ status: "canceled" }), 400, 21220);
  await sleep(300); // of audio, for the recording
  const updated = await client.calls(placed.sid).update({ twiml: "<Response><Hangup/></Response>" });
  assert.strictEqual(updated.sid, placed.sid);
  const ended = whole(await status(placed.sid, "completed"));
  assert.ok(ended.endTime instanceof Date);
  assert.ok(Number(ended.duration) >= 0);
  await refused(ended.update({ status: "completed" }), 400, 21220);

  for (let i = 0; i < 3; i++) {
    const more = await client.calls.create({ to, from: "desk", twiml: "<Response><Hangup/></Response>" });
    await status(more.sid, "completed");
  }
  const page = await client.calls.page({ pageSize: 2 });
  assert.strictEqual(page.instances.length, 2);
  const next = await page.nextPage();
  assert.strictEqual(next.instances.length, 2);
  assert.notStrictEqual(next.instances[0].sid, page.instances[0].sid);
  assert.strictEqual((await client.calls.list({ pageSize: 1, limit: 4 })).length, 4);

  assert.strictEqual((await each(client.calls, { pageSize: 2, limit: 5 })).length, 4);

  const recordings = await until(() => client.recordings.list({ callSid: placed.sid }),
    (list) => list[0] && list[0].status === "completed");
  assert.strictEqual(recordings.length, 1);
  assert.strictEqual(whole(recordings[0]).source, "OutboundAPI");
  whole(await client.recordings(recordings[0].sid).fetch());
  whole(await client.calls(placed.sid).recordings(recordings[0].sid).fetch());
  const audio = await fetch(url + recordings[0].uri.replace(".json", ".wav"), {
    headers: { authorization: "Basic " + Buffer.from(account + ":" + token).toString("base64") },
  });
  assert.strictEqual(audio.status, 200);
  assert.strictEqual(Buffer.from(await audio.arrayBuffer()).subarray(0, 4).toString(), "RIFF");
  assert.strictEqual((await client.calls(placed.sid).recordings.list()).length, 1);
  assert.ok(await client.recordings(recordings[0].sid).remove());
  await refused(client.recordings(recordings[0].sid).fetch(), 404, 20404);

  await refused(client.calls("CA" + "0".repeat(32)).fetch(), 404, 20404);
  await refused(client.calls.create({ to, from: "desk", url: "nonsense" }), 400, 21205);

  const heard = await client.calls.create({ to, from: "desk", machineDetection: "Enable",
    twiml: '<Response><Pause length="60"/></Response>' });
  await status(heard.sid, "in-progress");
  const notes = await client.calls(heard.sid).notifications.list();
  assert.strictEqual(whole(notes[0]).errorCode, "21600");
  whole(await client.calls(heard.sid).notifications(notes[0].sid).fetch());
  const live = whole(await client.calls(heard.sid).recordings.create({
    recordingChannels: "dual", recordingStatusCallback: answer,
    recordingStatusCallbackEvent: ["in-progress", "completed"],
  }));
  assert.strictEqual(live.channels, 2);
  assert.strictEqual(live.source, "StartCallRecordingAPI");
  const current = client.calls(heard.sid).recordings("Twilio.CURRENT");
  const paused = await current.update({ status: "paused", pauseBehavior: "skip" });
  assert.strictEqual(paused.sid, live.sid);
  assert.strictEqual(paused.status, "paused");
  assert.strictEqual((await current.update({ status: "in-progress" })).status, "in-progress");
  await sleep(300);
  const stopped = await client.calls(heard.sid).recordings(live.sid).update({ status: "stopped" });
  assert.strictEqual(whole(stopped).status, "completed");
  await refused(current.update({ status: "paused" }), 404, 20404);
  assert.ok(await client.calls(heard.sid).recordings(live.sid).remove());
  await client.calls(heard.sid).update({ status: "completed" });
  await status(heard.sid, "completed");
  await refused(client.calls(heard.sid).recordings.create(), 400, 21220);
  assert.strictEqual((await client.recordings.list({ dateCreated: new Date() })).length, 0);

  assert.ok(await client.calls(placed.sid).remove());
  await refused(client.calls(placed.sid).fetch(), 404, 20404);
  const stranger = connect("guess");
  await refused(stranger.calls.list(), 401, 20003);
}

run(main);
