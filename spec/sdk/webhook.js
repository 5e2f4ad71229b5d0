// Does the official library take these webhooks for genuine? node webhook.js SDK TOKEN FILE
// A line of the file is JSON, { url, signature, params }; "true" or "false" is printed for each.
const [sdk, token, file] = process.argv.slice(2);
const { validateRequest } = require(sdk);
for (const line of require("fs").readFileSync(file, "utf8").trim().split("\n")) {
  const { url, signature, params } = JSON.parse(line);
  console.log(validateRequest(token, signature, url, params));
}
