"""An endpoint that verifies messages with the Python library `standardwebhooks` of the Standard Webhooks project.

Prints its port. `POST /secret` takes the secret. Every other POST is verified on the raw bytes, and every changed copy
of it must be refused; 204 if both hold, else 400. `GET /report` tells what came. `POST /policy` tells of a policy, by
its `path`: messages to that path are judged by `tokens.py` instead.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tokens
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
state = {"verified": 0, "refused": 0, "faults": [], "secret": None}
policies = {}
counting = threading.Lock()


def changed(body, headers):
    """Copies of a message in which one thing is not what was signed."""
    yield "body", body[:-1] + b" }", headers
    yield "id", body, {**headers, "webhook-id": headers["webhook-id"] + "x"}
    yield "timestamp", body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}
    signature = headers["webhook-signature"]
    other = "A" if signature[10] != "A" else "B"
    yield "signature", body, {**headers, "webhook-signature": signature[:10] + other + signature[11:]}


def judge(body, headers):
    """Verifies a message, and tells how many changed copies of it were refused."""
    webhook = Webhook(state["secret"])
    webhook.verify(body, headers)
    refused = 0
    for what, other_body, other_headers in changed(body, headers):
        try:
            webhook.verify(other_body, other_headers)
            raise ValueError(f"a changed {what} was accepted")
        except WebhookVerificationError:
            refused += 1
    return refused


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, json.dumps({key: state[key] for key in ("verified", "refused", "faults")}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/secret":
            state["secret"] = json.loads(body)["secret"]
            return self.answer(204)
        if self.path == "/policy":
            told = json.loads(body)
            policies[told["path"]] = tokens.Policy(told)
            return self.answer(204)
        try:
            if self.path in policies:
                refused = policies[self.path].judge(body)
            else:
                refused = judge(body, {name: self.headers[name] for name in NAMES})
            with counting:
                state["refused"] += refused
                state["verified"] += 1
            self.answer(204)
        except Exception as fault:  # every failure belongs in the report
            state["faults"].append(f"{fault!r} for {body[:300]!r}")
            self.answer(400)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
print(server.server_port, flush=True)
server.serve_forever()
