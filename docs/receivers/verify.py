import base64
import hashlib
import hmac
import json
import time

import jwt  # pip install "pyjwt[crypto]"


def verify_hmac(secret: str, headers, body: bytes) -> str:
    """Gives the id of an authentic message. Raises ValueError for any other."""
    message_id = headers.get("Webhook-Id") or ""
    timestamp = headers.get("Webhook-Timestamp") or ""
    if abs(time.time() - int(timestamp)) > 300:
        raise ValueError("the timestamp is more than five minutes off")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    signatures = (headers.get("Webhook-Signature") or "").split(" ")
    if not any(hmac.compare_digest(signature.encode(), expected.encode()) for signature in signatures):
        raise ValueError("no signature matches")
    return message_id


def verify_jwt(key: str, algorithm: str, audience: str, issuer: str, body: bytes) -> dict:
    """Gives the claims of an authentic message; its data is the claim `data`. Raises ValueError for any other."""
    if algorithm.startswith("HS"):
        key = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    try:
        claims = jwt.decode(
            json.loads(body)["jwt"], key, algorithms=[algorithm], audience=audience, issuer=issuer,
            options={"require": ["data", "jti", "iat", "iss", "aud"]},
        )
    except (jwt.PyJWTError, KeyError, TypeError) as error:
        raise ValueError(f"the JWT is not valid: {error!r}") from error
    if abs(time.time() - claims["iat"]) > 60:
        raise ValueError("the JWT was signed more than a minute ago")
    return claims
