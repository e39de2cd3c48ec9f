"""Judges messages with the Python code of docs/receivers.md: a case per line, `accepted` or `refused` per line."""

import base64
import sys

from verify import verify_hmac, verify_jwt


def accept(kind, *case):
    body = base64.b64decode(case[-1])
    if kind == "hmac":
        secret, message_id, timestamp, signature = case[:-1]
        headers = {"Webhook-Id": message_id, "Webhook-Timestamp": timestamp, "Webhook-Signature": signature}
        assert verify_hmac(secret, headers, body) == message_id
    else:
        key, algorithm, audience, issuer = case[:-1]
        claims = verify_jwt(base64.b64decode(key).decode(), algorithm, audience, issuer, body)
        assert claims["data"]["event"] == "request.create" and len(claims["jti"]) == 64


for line in sys.stdin:
    try:
        accept(*line.rstrip("\n").split("\t"))
        print("accepted", flush=True)
    except ValueError as why:
        print(f"refused: {why}", flush=True)
