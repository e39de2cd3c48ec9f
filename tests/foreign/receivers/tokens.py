"""Verifies the JWT of a message with PyJWT, as strictly as a receiver should, and sees that every forged copy is refused."""

import base64
import hashlib
import hmac
import json
import time

import jwt

HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
REQUIRED = ["data", "jti", "sub", "iss", "nbf", "iat", "exp", "aud"]


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Policy:
    """What a receiver was told about the policy of its webhook."""

    def __init__(self, told):
        self.alg, self.audience, self.issuer = told["alg"], told["audience"], told["issuer"]
        self.shown = told["key"].encode()
        self.key = decode(told["key"]) if self.alg.startswith("HS") else told["key"]
        self.seen = set()

    def verify(self, token):
        claims = jwt.decode(
            token, self.key, algorithms=[self.alg], audience=self.audience, issuer=self.issuer,
            options={"require": REQUIRED},
        )
        if abs(time.time() - claims["iat"]) > 60:
            raise jwt.InvalidTokenError("iat")
        return claims

    def judge(self, body):
        """Raises unless the message is good and no forged copy of it passes; gives how many were refused."""
        token = json.loads(body)["jwt"]
        claims = self.verify(token)
        if list(claims) != REQUIRED or claims["jti"] in self.seen or len(claims["jti"]) != 64:
            raise ValueError(f"the claims are {claims}")
        self.seen.add(claims["jti"])
        refused = 0
        for what, copy in self.forged(token, claims):
            try:
                self.verify(copy)
            except jwt.PyJWTError:
                refused += 1
                continue
            raise ValueError(f"accepted: {what}")
        return refused

    def forged(self, token, claims):
        header, payload, signature = token.split(".")
        changed = encode(json.dumps({**claims, "sub": "0"}).encode())
        bits = bytearray(decode(signature))
        bits[len(bits) // 2] ^= 1
        unsigned = encode(b'{"typ":"JWT","alg":"none"}')
        yield "changed claims", f"{header}.{changed}.{signature}"
        yield "a changed signature", f"{header}.{payload}.{encode(bytes(bits))}"
        yield "a truncated signature", f"{header}.{payload}.{encode(bytes(bits[:-1]))}"
        yield "a truncated token", token[: len(token) // 2]
        yield "no signature", f"{header}.{payload}."
        yield "none", f"{unsigned}.{payload}."
        yield "none, with the signature", f"{unsigned}.{payload}.{signature}"
        # What everybody knows or sees, taken for a secret.
        confused = "HS" + self.alg[2:]
        signed = encode(json.dumps({"typ": "JWT", "alg": confused}).encode()) + "." + payload
        secret = self.shown if self.alg != confused else b"guessed"
        mac = hmac.new(secret, signed.encode(), HASHES[confused[2:]]).digest()
        yield "a public key taken for a secret, or another secret", f"{signed}.{encode(mac)}"
