// The official client pointed at a server, and what its scripts share. Arguments of each script:
// SDK URL ACCOUNT TOKEN TO ANSWER-URL. It ends with 1, and says why, when something is not as it should be.
const assert = require("assert");
const [sdk, url, account, token, to, answer] = process.argv.slice(2);
const twilio = require(sdk);

function connect(password) {
  const client = twilio(account, password);
  client.api.baseUrl = url;
  return client;
}

const client = connect(token);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Fetches again and again until that is so: at most five seconds.
async function until(fetch, is) {
  let last;
  for (let i = 0; i < 200; i++) {
    last = await fetch();
    if (is(last)) return last;
    await sleep(25);
  }
  throw new Error("it does not come to that: " + JSON.stringify(last));
}

// ... a call has one of these statuses.
const status = (sid, ...list) =>
  until(() => client.calls(sid).fetch(), (call) => list.includes(call.status));

async function refused(promise, status, code) {
  try {
    await promise;
  } catch (fault) {
    assert.strictEqual(fault.status, status, fault.message);
    assert.strictEqual(fault.code, code, fault.message);
    assert.ok(fault.moreInfo.endsWith("/" + code));
    return;
  }
  throw new Error("not refused with " + code);
}

// Everything that its class reads is in the answer, and can be read; its URIs are relative.
function whole(instance) {
  for (const [name, value] of Object.entries(instance)) {
    if (name.startsWith("_")) continue;
    assert.notStrictEqual(value, undefined, `${instance.constructor.name} has no ${name}`);
    assert.ok(!Number.isNaN(value), `${instance.constructor.name}: ${name} is no number`);
    if (value instanceof Date) assert.ok(value.getTime() > 0, `${name} is no date`);
  }
  if (instance.uri) assert.match(instance.uri, /^\/2010-04-01\/.*\.json$/);
  for (const below of Object.values(instance.subresourceUris || {})) {
    assert.match(below, /^\/2010-04-01\/.*\.json$/);
  }
  return instance;
}

const each = (list, options) =>
  new Promise((kept, fail) => {
    const found = [];
    const done = (fault) => (fault ? fail(fault) : kept(found));
    list.each({ ...options, done }, (item) => found.push(item));
  });

function run(main) {
  main().then(
    () => console.log("all as it should be"),
    (fault) => {
      console.error(fault);
      process.exit(1);
    },
  );
}

module.exports = { account, answer, client, connect, each, refused, run, sleep, status, to, token,
  until, url, whole };
