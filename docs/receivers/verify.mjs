import { createHmac, timingSafeEqual } from "node:crypto";
import { importSPKI, jwtVerify } from "jose"; // npm install jose

/** Gives the id of an authentic message. Throws for any other. `headers` are those of a Node request; `body` is a Buffer. */
export function verifyHmac(secret, headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp || NaN)) <= 300)) {
    throw new Error("the timestamp is more than five minutes off");
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
  const signatures = (headers["webhook-signature"] ?? "").split(" ").map((text) => Buffer.from(text));
  if (!signatures.some((one) => one.length === expected.length && timingSafeEqual(one, expected))) {
    throw new Error("no signature matches");
  }
  return id;
}

/** Gives the claims of an authentic message; its data is the claim `data`. Throws for any other. */
export async function verifyJwt(key, algorithm, audience, issuer, body) {
  const verifying = algorithm.startsWith("HS") ? Buffer.from(key, "base64url") : await importSPKI(key, algorithm);
  const { payload } = await jwtVerify(JSON.parse(body).jwt, verifying, {
    algorithms: [algorithm],
    audience,
    issuer,
    maxTokenAge: 60,
    requiredClaims: ["data", "jti", "iat"],
  });
  return payload;
}
