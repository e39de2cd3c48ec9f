// Verifies the JWT of a message with `jose`, as strictly as a receiver should, and sees that every forged copy is refused.
// The key of a public-key algorithm is found by discovery: from the issuer to its key set, as OpenID Connect says.
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const installed = createRequire(process.argv[2] + "/").resolve("jose");
const { createRemoteJWKSet, jwtVerify } = await import(pathToFileURL(installed));
const REQUIRED = ["data", "jti", "sub", "iss", "nbf", "iat", "exp", "aud"];

const encode = (part) => Buffer.from(part).toString("base64url");

async function discovered(issuer) {
  const configuration = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  if (configuration.issuer !== issuer) throw new Error(`${configuration.issuer} is another issuer`);
  return createRemoteJWKSet(new URL(configuration.jwks_uri));
}

/** What a receiver was told about the policy of its webhook. */
export class Policy {
  #seen = new Set();

  constructor({ alg, key, audience, issuer }) {
    Object.assign(this, { alg, audience, issuer, shown: key });
  }

  async #verify(token) {
    this.key ??= this.alg.startsWith("HS") ? Buffer.from(this.shown, "base64url") : await discovered(this.issuer);
    const { payload } = await jwtVerify(token, this.key, {
      algorithms: [this.alg],
      audience: this.audience,
      issuer: this.issuer,
      maxTokenAge: 60,
      requiredClaims: REQUIRED,
      typ: "JWT",
    });
    return payload;
  }

  /** Throws unless the message is good and no forged copy of it passes; gives how many were refused. */
  async judge(body) {
    const token = JSON.parse(body).jwt;
    const claims = await this.#verify(token);
    const good = Object.keys(claims).join() === REQUIRED.join() && /^[0-9a-f]{64}$/.test(claims.jti);
    if (!good || this.#seen.has(claims.jti)) throw new Error(`the claims are ${JSON.stringify(claims)}`);
    this.#seen.add(claims.jti);
    let refused = 0;
    for (const [what, copy] of this.#forged(token, claims)) {
      const accepted = await this.#verify(copy).then(() => true, () => false);
      if (accepted) throw new Error(`accepted: ${what}`);
      refused += 1;
    }
    return refused;
  }

  #forged(token, claims) {
    const [header, payload, signature] = token.split(".");
    const bits = Buffer.from(signature, "base64url");
    bits[bits.length >> 1] ^= 1;
    const unsigned = encode('{"typ":"JWT","alg":"none"}');
    // What everybody knows or sees, taken for a secret.
    const confused = "HS" + this.alg.slice(2);
    const kid = JSON.parse(Buffer.from(header, "base64url")).kid;
    const signed = `${encode(JSON.stringify({ typ: "JWT", alg: confused, kid }))}.${payload}`;
    const secret = this.alg === confused ? "guessed" : this.shown;
    const mac = createHmac("sha" + confused.slice(2), secret).update(signed).digest("base64url");
    return [
      ["changed claims", `${header}.${encode(JSON.stringify({ ...claims, sub: "0" }))}.${signature}`],
      ["a changed signature", `${header}.${payload}.${bits.toString("base64url")}`],
      ["a truncated signature", `${header}.${payload}.${bits.subarray(0, -1).toString("base64url")}`],
      ["a truncated token", token.slice(0, token.length / 2)],
      ["no signature", `${header}.${payload}.`],
      ["none", `${unsigned}.${payload}.`],
      ["none, with the signature", `${unsigned}.${payload}.${signature}`],
      ["a public key taken for a secret, or another secret", `${signed}.${mac}`],
    ];
  }
}
