// Every document that the official SDK's VoiceResponse can write: each method of each class, with each
// attribute of its type, with each value that the type names. One line a document:
//   path <tab> attribute ("" for none, "*" for all, "text" for text alone) <tab> document
// node walk.js FOLDER-OF-THE-PACKAGE
const fs = require("fs");
const path = require("path");

const twiml = path.resolve(process.argv[2], "lib", "twiml", "VoiceResponse");
const VoiceResponse = require(twiml);

// What the text of an element is, by the name of the parameter.
const TEXTS = {
  url: "https://myapp.com/next", sipUrl: "sip:kate@example.com", phoneNumber: "+15550100",
  number: "+15550100", identity: "alice", clientIdentity: "alice", body: '{"language":"en"}',
  name: "Room 1", message: "Hello & goodbye", words: "1234",
};
// What an attribute of type string is, where its name does not say that it is a URL or a method.
const STRINGS = {
  callerId: "bob", digits: "12w#", sendDigits: "12w#", finishOnKey: "#", timeout: "5", speechTimeout: "auto",
  language: "en-US", track: "inbound_track", time: "1s", volume: "loud", rate: "slow", pitch: "high",
  to: "+15550100", from: "+15550101",
};
const NUMBERS = { maxAttempts: [2], attempt: [1] };
// What an element cannot do without.
const NEEDS = {
  Stream: { url: "wss://myapp.com/audio" }, Parameter: { name: "key", value: "1" },
};
const dialled = (dial) => dial.sip("sip:kate@example.com");
const streamed = (verb) => verb.stream({ name: "one", url: "wss://myapp.com/audio" });
const COMPANIONS = {
  Dial: dialled, Refer: dialled, Connect: streamed, Start: streamed, Stop: streamed,
};

// The declarations: attributes of each interface, values of each type, methods of each class.
function declarations() {
  const text = fs.readFileSync(twiml + ".d.ts", "utf8").replace(/\/\*[^]*?\*\//g, "");
  const types = {}, interfaces = {}, classes = {};
  for (const [, name, values] of text.matchAll(/type (\w+) = ([^;]+);/g))
    types[name] = [...values.matchAll(/"([^"]*)"/g)].map((found) => found[1]);
  for (const [, name, body] of text.matchAll(/interface (\w+) \{([^}]*)\}/g))
    for (const [, key, type] of body.matchAll(/["']?([\w:-]+)["']?\?: ([^;]+);/g))
      (interfaces[name] ||= {})[key] = type;
  for (const [, name, body] of text.matchAll(/class (\w+) extends TwiML \{([^}]*)\}/g)) {
    classes[name] = {};
    for (const [, method, given, child] of body.matchAll(/(\w+)\(([^)]*)\): VoiceResponse\.(\w+);/g)) {
      const attributes = /attributes\??: (?:VoiceResponse\.)?(\w+)/.exec(given);
      const content = /(\w+)\??: string$/.exec(given);
      const known = classes[name][method];
      if (!known || attributes) // of two ways to call it: the one that takes attributes
        classes[name][method] = {
          child, attributes: (attributes && interfaces[attributes[1]]) || {}, content: content && content[1],
        };
    }
  }
  return { types, classes };
}

const { types, classes } = declarations();

function stringValue(name) {
  if (/method$/i.test(name)) return "POST";
  if (/url$|callback$|^action$/i.test(name)) return "https://myapp.com/" + name;
  return STRINGS[name] || "text";
}

function values(name, type) {
  const one = type.replace("[]", "");
  const listed = types[one];
  if (listed && type !== one) return [listed, ...listed];
  if (listed) return listed;
  if (one === "boolean") return [true, false];
  if (one === "number") return type === one ? NUMBERS[name] || [5] : [[2, 3]];
  if (one === "string") return type === one ? [stringValue(name)] : [["text", "more"]];
  throw new Error(`${name}: a type ${type} was never heard of`);
}

// The SDK's own work: what exists at run time has to be declared, or we would pass it over.
function undeclared(name) {
  const prototype = (name === "VoiceResponse" ? VoiceResponse : VoiceResponse[name]).prototype;
  return Object.getOwnPropertyNames(prototype)
    .filter((method) => !/^constructor$|^comment/.test(method) && !classes[name][method]);
}

function add(parent, { method, child, content }, attributes, text) {
  const given = { ...NEEDS[child], ...attributes };
  return content && text ? parent[method](given, TEXTS[content] || content) : parent[method](given);
}

// Where an element has children that do its work, its own text is a document by itself.
function write(steps, attribute, attributes) {
  const response = new VoiceResponse();
  let node = response;
  const names = [];
  steps.forEach((step, i) => {
    const alone = i === steps.length - 1 && attribute === "text";
    node = add(node, step, i === steps.length - 1 ? attributes : {}, alone || !COMPANIONS[step.child]);
    names.push(node._getXml().name);
  });
  const companion = COMPANIONS[steps[steps.length - 1].child];
  if (companion && attribute !== "text") companion(node);
  console.log([names.join("/"), attribute, response.toString()].join("\t"));
}

const done = new Set();

function walk(name, steps) {
  if (done.has(name)) return;
  done.add(name);
  const lost = undeclared(name);
  if (lost.length) throw new Error(`${name} has methods that are not declared: ${lost}`);
  for (const [method, { child, attributes, content }] of Object.entries(classes[name])) {
    const all = {};
    const path = [...steps, { method, child, content }];
    write(path, "", {});
    if (content && COMPANIONS[child]) write(path, "text", {});
    for (const [attribute, type] of Object.entries(attributes)) {
      const each = values(attribute, type);
      all[attribute] = each[0];
      for (const value of each) write(path, attribute, { [attribute]: value });
    }
    if (Object.keys(all).length) write(path, "*", all);
    walk(child, path);
  }
}

walk("VoiceResponse", []);
for (const name of Object.keys(classes))
  if (!done.has(name)) throw new Error(`nothing leads to ${name}`);
