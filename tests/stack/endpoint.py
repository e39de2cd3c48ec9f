"""An endpoint of a webhook on loopback: it keeps what arrives, verifies it as a receiver would, and answers as told."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time


class Endpoint:
    def __init__(self):
        self.lock = threading.Lock()
        self.arrivals = []
        self.statuses = {}
        self.delay = 0.0
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with endpoint.lock:
                    endpoint.arrivals.append((self.path, dict(self.headers.items()), body, time.time()))
                    planned = endpoint.statuses.get(self.path, [])
                    status = planned.pop(0) if len(planned) > 1 else (planned or [204])[0]
                time.sleep(endpoint.delay)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def uri(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def answer(self, path, *statuses):
        """What is answered there, one after the other; the last one stays."""
        with self.lock:
            self.statuses[path] = list(statuses)

    def at(self, path):
        """What has arrived there: headers and body."""
        with self.lock:
            return [(headers, body) for where, headers, body, _ in self.arrivals if where == path]

    def close(self):
        self.server.shutdown()


def verified(secret, headers, body):
    """The message, if its signature is right by the rules of Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [signature.partition(",")[2] for signature in headers["Webhook-Signature"].split()]
    assert any(hmac.compare_digest(expected, signature) for signature in given), headers
    assert abs(time.time() - int(headers["Webhook-Timestamp"])) < 300, headers
    return json.loads(body)
