// Conferences, participants, queues and members by the official client: see client.js.
const assert = require("assert");
const { client, each, refused, run, sleep, status, to, until, whole } = require("./client.js");

const waiting = (twiml) => client.calls.create({ to, from: "desk",
  twiml: `<Response>${twiml}<Pause length="60"/></Response>` });

async function conferences() {
  const kate = whole(await client.conferences("staff").participants.create({
    to, from: "desk", label: "kate", beep: "false", timeout: 20, earlyMedia: true,
    statusCallbackEvent: ["ringing", "completed"], endConferenceOnExit: true,
  }));
  assert.match(kate.conferenceSid, /^CF[0-9a-f]{32}$/);
  assert.strictEqual(kate.status, "queued");
  const room = client.conferences(kate.conferenceSid);
  const bob = await room.participants.create({ to, from: "desk", muted: true });
  assert.strictEqual(bob.muted, true);
  const begun = await until(() => room.fetch(), (one) => one.status === "in-progress");
  assert.strictEqual(whole(begun).friendlyName, "staff");

  const listed = await until(() => room.participants.list(),
    (list) => list.length === 2 && list.every((one) => one.status === "connected"));
  listed.forEach(whole);
  assert.strictEqual((await room.participants.list({ muted: true }))[0].callSid, bob.callSid);
  assert.strictEqual((await each(room.participants, { pageSize: 1 })).length, 2);
  const page = await room.participants.page({ pageSize: 1 });
  assert.strictEqual((await page.nextPage()).instances.length, 1);

  assert.strictEqual(whole(await room.participants("kate").fetch()).callSid, kate.callSid);
  const held = await room.participants(kate.callSid).update({ hold: true, holdMethod: "GET" });
  assert.strictEqual(whole(held).hold, true);
  const coach = await room.participants(bob.callSid).update({ hold: false, muted: false,
    coaching: true, callSidToCoach: kate.callSid });
  assert.strictEqual(coach.callSidToCoach, kate.callSid);
  await refused(room.participants("CA" + "0".repeat(32)).fetch(), 404, 20404);
  await refused(room.participants(bob.callSid).update({ coaching: true }), 400, 13240);

  assert.ok((await client.conferences.list({ status: "in-progress", friendlyName: "staff" }))
    .some((one) => one.sid === kate.conferenceSid));
  assert.strictEqual((await client.conferences.list({ dateCreatedAfter: new Date(Date.now() + 2e8) }))
    .length, 0);
  const recordings = await room.recordings.list();
  assert.strictEqual(recordings.length, 0);
  await refused(room.recordings("Twilio.CURRENT").update({ status: "paused" }), 404, 20404);

  assert.ok(await room.participants(bob.callSid).remove());
  await until(() => room.participants.list(), (list) => list.length === 1);
  assert.strictEqual((await room.update({ status: "completed" })).status, "completed");
  const over = await until(() => room.fetch(), (one) => one.reasonConferenceEnded !== null);
  assert.strictEqual(whole(over).reasonConferenceEnded, "conference-ended-via-api");
  assert.strictEqual((await room.participants.list()).length, 0);
  await refused(room.update({ announceUrl: "http://127.0.0.1:1/" }), 400, 21220);
  await refused(client.conferences("CF" + "0".repeat(32)).fetch(), 404, 20404);
}

// What a document records of a conference is steered, too.
async function recorded() {
  const dial = '<Dial><Conference record="record-from-start" beep="false">tape</Conference></Dial>';
  const calls = [await waiting(dial), await waiting(dial)];
  const [conference] = await until(
    () => client.conferences.list({ friendlyName: "tape", status: "in-progress" }),
    (list) => list.length === 1);
  const room = client.conferences(conference.sid);
  await until(() => room.recordings.list(), (list) => list.length === 1);
  const current = room.recordings("Twilio.CURRENT");
  const paused = whole(await current.update({ status: "paused", pauseBehavior: "silence" }));
  assert.strictEqual(paused.source, "Conference");
  assert.strictEqual(paused.status, "paused");
  assert.strictEqual((await current.update({ status: "in-progress" })).status, "in-progress");
  await sleep(200);
  assert.strictEqual((await current.update({ status: "stopped" })).status, "completed");
  whole(await room.recordings(paused.sid).fetch());
  assert.ok(await room.recordings(paused.sid).remove());
  for (const call of calls) await client.calls(call.sid).update({ status: "completed" });
  for (const call of calls) await status(call.sid, "completed");
}

async function queues() {
  const made = whole(await client.queues.create({ friendlyName: "line", maxSize: 5 }));
  assert.strictEqual(made.maxSize, 5);
  await refused(client.queues.create({ friendlyName: "line" }), 400, 22003);
  const line = client.queues(made.sid);
  const first = await waiting("<Enqueue>line</Enqueue>");
  await until(() => line.members.list(), (list) => list.length === 1);
  const second = await waiting("<Enqueue>line</Enqueue>");
  const members = await until(() => line.members.list(), (list) => list.length === 2);
  members.forEach(whole);
  assert.deepStrictEqual(members.map((one) => one.callSid), [first.sid, second.sid]);
  assert.strictEqual((await each(line.members, { pageSize: 1 })).length, 2);
  assert.strictEqual(whole(await line.fetch()).currentSize, 2);
  assert.strictEqual(whole(await line.members("Front").fetch()).callSid, first.sid);
  assert.strictEqual((await line.members(second.sid).fetch()).position, 2);

  const url = process.argv[7];
  whole(await line.members("Front").update({ url, method: "GET" }));
  await until(() => line.members.list(), (list) => list.length === 1);
  await refused(line.remove(), 400, 22002);
  await refused(line.members(first.sid).fetch(), 404, 20404);
  const renamed = await line.update({ friendlyName: "row", maxSize: 7 });
  assert.strictEqual(renamed.friendlyName, "row");
  assert.ok((await client.queues.list()).some((one) => one.sid === made.sid));
  for (const call of [first, second]) {
    await client.calls(call.sid).update({ status: "completed" });
    await status(call.sid, "completed");
  }
  await until(() => line.fetch(), (one) => one.currentSize === 0);
  assert.ok(await line.remove());
  await refused(line.fetch(), 404, 20404);
}

run(async () => {
  await conferences();
  await recorded();
  await queues();
});
