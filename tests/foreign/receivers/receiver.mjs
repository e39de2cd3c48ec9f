// An endpoint that verifies messages with the JavaScript library `standardwebhooks` of the Standard Webhooks project.
//
// Prints its port. `POST /secret` takes the secret. Every other POST is verified on the raw bytes, and every changed
// copy of it must be refused; 204 if both hold, else 400. `GET /report` tells what came. `POST /policy` tells of a policy,
// by its `path`: messages to that path are judged by `tokens.mjs` instead.
//
// The library is found from the folder of the first argument, where it was installed.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Policy } from "./tokens.mjs";

const { Webhook } = createRequire(process.argv[2] + "/")("standardwebhooks");
const NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature"];
const state = { verified: 0, refused: 0, faults: [] };
const policies = new Map();
let secret;

/** Copies of a message in which one thing is not what was signed. */
function changed(body, headers) {
  const signature = headers["webhook-signature"];
  const other = signature[10] === "A" ? "B" : "A";
  const shorter = Buffer.concat([body.subarray(0, -1), Buffer.from(" }")]);
  return [
    ["body", shorter, headers],
    ["id", body, { ...headers, "webhook-id": headers["webhook-id"] + "x" }],
    ["timestamp", body, { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 1) }],
    ["signature", body, { ...headers, "webhook-signature": signature.slice(0, 10) + other + signature.slice(11) }],
  ];
}

function judge(body, headers) {
  const webhook = new Webhook(secret);
  webhook.verify(body, headers);
  state.verified += 1;
  for (const [what, otherBody, otherHeaders] of changed(body, headers)) {
    let accepted = true;
    try {
      webhook.verify(otherBody, otherHeaders);
    } catch {
      accepted = false;
    }
    if (accepted) throw new Error(`a changed ${what} was accepted`);
    state.refused += 1;
  }
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (request.method === "GET") return response.end(JSON.stringify(state));
  if (request.url === "/secret") {
    secret = JSON.parse(body).secret;
    return response.writeHead(204).end();
  }
  if (request.url === "/policy") {
    const told = JSON.parse(body);
    policies.set(told.path, new Policy(told));
    return response.writeHead(204).end();
  }
  try {
    if (policies.has(request.url)) {
      const refused = await policies.get(request.url).judge(body);
      state.refused += refused;
      state.verified += 1;
      return response.writeHead(204).end();
    }
    judge(body, Object.fromEntries(NAMES.map((name) => [name, request.headers[name]])));
    response.writeHead(204).end();
  } catch (fault) {
    state.faults.push(`${fault} for ${body.subarray(0, 300)}`);
    response.writeHead(400).end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
