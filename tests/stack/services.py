"""AWS on this machine: ministack on the port in GATEWAY_PORT of loopback, until standard input ends.

It never outlives the process that started it. With AUTH=true IAM is enforced: every call of a function counts as its role's, and
what its role does not allow is refused. CALLS is a file that then gets a line of JSON for each call: who, what, on which
resource, allowed or not; and one for each call that DynamoDB charges for: who, what, units written and read.

What is different from plain ministack, and why:

- Two needless waits of its Lambda runtime are gone (100 ms become 5 ms for a warm invocation).
- A number that a template takes from a parameter is a number, in the mappings of queues to functions.
- A batch call of SQS is authorised as the single call, as on AWS.
- An API is made of its Body, and what AWS refuses is refused (refusals.py).
- Conditions on KMS's encryption context, on the partition keys of DynamoDB and on SES's sender are evaluated, a mail is about the identity of its sender, and every call counts as made over TLS:
  there is no TLS here, and the policies of the queues refuse whatever comes without.
"""

import base64
import json
import os
import socketserver
import sys
import threading
import urllib.parse

# Headers and body go out apart: without this each answer waits 40 ms for a delayed acknowledgement.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # noqa: E402
from ministack.services import dynamodb, lambda_svc  # noqa: E402

import refusals  # noqa: E402
import usage  # noqa: E402


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def shorter_waits():
    # It waits 50 ms for a line of log where a function prints none.
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.002, 0.001, 0.05)


def numbers_of_parameters():
    original = lambda_svc._sqs_esm_concurrency

    def concurrency(esm, *rest):
        scaling = esm.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return original(esm, *rest)

    lambda_svc._sqs_esm_concurrency = concurrency


def batches_of_queues():
    original = iam_actions.extract_iam_action

    def action(service, *rest):
        found = original(service, *rest)
        return found.removesuffix("Batch") if service == "sqs" and found else found

    iam_actions.extract_iam_action = action


def sender(body):
    """The address in the `Source` of a mail."""
    source = urllib.parse.parse_qs(body.decode(errors="replace")).get("Source", [""])[0]
    return source.rpartition("<")[2].rstrip(">")


def leading_keys(action, call):
    """The partition keys that a call of DynamoDB is about, as far as it names them one by one."""
    if "TransactItems" in call:
        calls = [one for item in call["TransactItems"] for one in item.values()]
    elif action.endswith("BatchWriteItem"):
        calls = [one for requests in call["RequestItems"].values() for request in requests for one in request.values()]
    elif action.endswith("BatchGetItem"):
        calls = [{"Key": key} for of in call["RequestItems"].values() for key in of["Keys"]]
    else:
        calls = [call]
    return [key["pk"]["S"] for of in calls if (key := of.get("Key") or of.get("Item"))]


def conditions():
    original = iam_actions.request_tag_context

    def context(service, action, body, params):
        found = original(service, action, body, params)
        if service == "kms":
            given = json.loads(body or b"{}").get("EncryptionContext", {})
            found |= {f"kms:EncryptionContext:{key}": value for key, value in given.items()}
        if service == "dynamodb":
            found["dynamodb:LeadingKeys"] = leading_keys(action, json.loads(body or b"{}"))
        if service == "ses":
            found["ses:FromAddress"] = sender(body)
        return found

    iam_actions.request_tag_context = context
    resource = iam_actions.extract_resource_arn

    def resource_arn(service, method, path, headers, body, params, region, account):
        found = resource(service, method, path, headers, body, params, region, account)
        if service == "kms" and "CiphertextBlob" in (body or b"").decode(errors="replace"):
            # The id of a multi-Region key is none that it looks for at the beginning of what a key made.
            key = base64.b64decode(json.loads(body)["CiphertextBlob"])[:36].decode(errors="replace")
            return f"arn:aws:kms:{region}:{account}:key/{key}"
        if service == "ses" and found == "*":
            return f"arn:aws:ses:{region}:{account}:identity/{sender(body)}"
        return found

    iam_actions.extract_resource_arn = resource_arn
    resolve = iam_evaluator._resolve_condition_key

    def condition_key(key, context):
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = condition_key


def recorded_calls():
    original = iam_evaluator.enforce
    lock = threading.Lock()
    calls = open(os.environ["CALLS"], "a", buffering=1)

    def write(access_key, **fields):
        from ministack.core.responses import get_account_id

        principal = iam_evaluator.resolve_principal(access_key or "", get_account_id())
        who = getattr(principal, "arn", "nobody")
        with lock:
            calls.write(json.dumps({"who": who, **fields}) + "\n")

    def enforce(access_key, action, service, region, resource_arn="*", service_context=None):
        result = original(access_key, action, service, region, resource_arn, service_context)
        write(access_key, action=action, on=resource_arn, allowed=result is None)
        return result

    def charged(headers, action, written, read):
        access_key = headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        write(access_key, charged=action, written=written, read=read)

    iam_evaluator.enforce = enforce
    dynamodb.handle_request = usage.Meter(dynamodb.handle_request, charged)


threading.Thread(target=end_with_input, daemon=True).start()
shorter_waits()
numbers_of_parameters()
batches_of_queues()
conditions()
refusals.install()
if "CALLS" in os.environ:
    recorded_calls()

from ministack.app import main  # noqa: E402

sys.argv = ["ministack"]
sys.exit(main())
