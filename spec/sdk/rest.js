// The official client against a server: node rest.js SDK URL ACCOUNT TOKEN TO ANSWER-URL
// Ends with 1, and says why, when something is not as it should be.
const assert = require("assert");
const [sdk, url, account, token, to, answer] = process.argv.slice(2);
const twilio = require(sdk);
const client = twilio(account, token);
client.api.baseUrl = url;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Waits until a call has one of these statuses.
async function until(sid, ...statuses) {
  for (let i = 0; i < 200; i++) {
    const call = await client.calls(sid).fetch();
    if (statuses.includes(call.status)) return call;
    await sleep(25);
  }
  throw new Error("never " + statuses.join(" or "));
}

async function refused(promise, status, code) {
  try {
    await promise;
  } catch (fault) {
    assert.strictEqual(fault.status, status);
    assert.strictEqual(fault.code, code);
    assert.ok(fault.moreInfo.endsWith("/" + code));
    return;
  }
  throw new Error("not refused with " + code);
}

async function main() {
  const account_ = await client.api.v2010.accounts(account).fetch();
  assert.strictEqual(account_.status, "active");

  const placed = await client.calls.create({
    to, from: "desk", url: answer, record: true, trim: "do-not-trim",
    statusCallback: answer, statusCallbackEvent: ["initiated", "answered", "completed"],
  });
  assert.match(placed.sid, /^CA[0-9a-f]{32}$/);
  assert.strictEqual(placed.direction, "outbound-api");
  assert.ok(placed.dateCreated instanceof Date);
  const talking = await until(placed.sid, "in-progress");
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
  const ended = await until(placed.sid, "completed");
  assert.ok(ended.endTime instanceof Date);
  assert.ok(Number(ended.duration) >= 0);
  await refused(ended.update({ status: "completed" }), 400, 21220);

  for (let i = 0; i < 3; i++) {
    const more = await client.calls.create({ to, from: "desk", twiml: "<Response><Hangup/></Response>" });
    await until(more.sid, "completed");
  }
  const page = await client.calls.page({ pageSize: 2 });
  assert.strictEqual(page.instances.length, 2);
  const next = await page.nextPage();
  assert.strictEqual(next.instances.length, 2);
  assert.notStrictEqual(next.instances[0].sid, page.instances[0].sid);
  assert.strictEqual((await client.calls.list({ pageSize: 1, limit: 4 })).length, 4);

  let recordings = [];
  for (let i = 0; i < 100 && !(recordings[0] && recordings[0].status === "completed"); i++) {
    recordings = await client.recordings.list({ callSid: placed.sid });
    await sleep(25);
  }
  assert.strictEqual(recordings.length, 1);
  assert.strictEqual(recordings[0].source, "OutboundAPI");
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
  assert.ok(await client.calls(placed.sid).remove());
  await refused(client.calls(placed.sid).fetch(), 404, 20404);
  const stranger = twilio(account, "guess");
  stranger.api.baseUrl = url;
  await refused(stranger.calls.list(), 401, 20003);
  console.log("all as it should be");
}

main().catch((fault) => {
  console.error(fault);
  process.exit(1);
});
