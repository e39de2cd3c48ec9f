// Judges messages with the JavaScript code of docs/receivers.md: a case per line, `accepted` or `refused` per line.
import { createInterface } from "node:readline";
import { verifyHmac, verifyJwt } from "./verify.mjs";

async function accept(kind, ...fields) {
  const body = Buffer.from(fields.pop(), "base64");
  if (kind === "hmac") {
    const [secret, id, timestamp, signature] = fields;
    const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
    if (verifyHmac(secret, headers, body) !== id) throw new Error("another id");
  } else {
    const [key, algorithm, audience, issuer] = fields;
    const claims = await verifyJwt(Buffer.from(key, "base64").toString(), algorithm, audience, issuer, body);
    if (claims.data.event !== "request.create" || claims.jti.length !== 64) throw new Error("other claims");
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    await accept(...line.split("\t"));
    console.log("accepted");
  } catch (why) {
    console.log(`refused: ${String(why).replaceAll("\n", " ")}`);
  }
}
