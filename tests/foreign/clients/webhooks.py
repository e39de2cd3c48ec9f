"""Administers webhooks with the client `xurrent`, as a script of an organisation does: webhooks.py URL

The token comes from `HOOKLINE_TOKEN`. Fails with what is wrong; else says in a line of JSON how much was done.
"""

import json
import logging
import os
import sys

import requests
from xurrent.core import XurrentApiHelper

COUNT = 250
logging.disable(logging.CRITICAL)


def client(account="main"):
    return XurrentApiHelper(sys.argv[1], api_key=os.environ["HOOKLINE_TOKEN"], api_account=account, resolve_user=False)


def refused(status, call, *arguments, **more):
    """Sees that a call is refused with this status, and gives the answer."""
    try:
        answered = call(*arguments, **more)
    except requests.HTTPError as error:
        assert error.response.status_code == status, error
        return error.response.json()
    raise AssertionError(f"{arguments} was answered {answered}")


def is_equal(one, other):
    assert one == other, f"{one!r} is not {other!r}"


api = client()
is_equal(api.api_call("/webhooks"), [])

# 250 webhooks, found again on three pages of 100 and on nine of 30, newest first.
made = [
    api.api_call("/webhooks", "POST", {"name": f"hook {n}", "event": "request.update", "uri": f"https://example.com/{n}"})
    for n in range(COUNT)
]
ids = [webhook["id"] for webhook in reversed(made)]
is_equal([webhook["id"] for webhook in api.api_call("/webhooks")], ids)
is_equal([webhook["id"] for webhook in api.api_call("/webhooks/", per_page=30)], ids)
named = api.api_call("/webhooks?fields=name,uri&sort=created_at,id", per_page=99)
is_equal([webhook["name"] for webhook in named], [f"hook {n}" for n in range(COUNT)])
is_equal(set(named[0]), {"id", "nodeID", "name", "uri"})

# One of them: found by a filter, read, changed, disabled, deleted.
(found,) = api.api_call("/webhooks?name=hook 7")
path = f"/webhooks/{found['id']}"
record = api.api_call(path)
is_equal((record["event"], record["disabled"], record["last_error"]), ("request.update", False, None))
is_equal(api.api_call(f"/webhooks/{record['nodeID']}", per_page=0), record)
is_equal(api.api_call(path, "PATCH", {"name": "seven"})["name"], "seven")
is_equal(api.api_call(path, "PUT", {"disabled": True})["uri"], record["uri"])
is_equal([webhook["id"] for webhook in api.api_call("/webhooks/disabled")], [found["id"]])
is_equal(len(api.api_call("/webhooks/enabled")), COUNT - 1)
problems = refused(422, api.api_call, path, "PATCH", {"event": "no.such"})
is_equal(problems["errors"], [["event", "Event is not included in the list"]])

# A policy signs, and is linked by its id.
policy = api.api_call("/webhook_policies", "POST", {"jwt_alg": "es256", "jwt_audience": "receivers"})
assert policy["public_key_pem"].startswith("-----BEGIN PUBLIC KEY-----\n"), policy
linked = api.api_call(path, "PATCH", {"webhook_policy_id": policy["id"]})
is_equal(linked["webhook_policy"]["name"], policy["name"])
refused(422, api.api_call, f"/webhook_policies/{policy['id']}", "DELETE")
is_equal([listed["id"] for listed in api.api_call("/webhook_policies")], [policy["id"]])

# Everything goes away again.
for webhook in made:
    is_equal(api.api_call(f"/webhooks/{webhook['id']}", "DELETE"), None)
refused(404, api.api_call, path)
is_equal(api.api_call(f"/webhook_policies/{policy['id']}", "DELETE"), None)
is_equal(api.api_call("/webhooks"), [])
is_equal(refused(403, client("elsewhere").api_call, "/webhooks"), {"message": "Forbidden"})
print(json.dumps({"webhooks": len(made)}))
