"""The binary on a data folder of its own, with its metrics shown, and an endpoint whose paths say how they answer."""

import http.client
import http.server
import json
import os
import re
import subprocess
import threading
import time


class Endpoint:
    """`/ok`, `/missing`, `/busy`, and `/slow`, which takes ten seconds."""

    STATUS = {"/missing": 404, "/busy": 503}

    def __init__(self):
        self.closed = closed = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/slow":
                    closed.wait(10)
                self.send_response(Endpoint.STATUS.get(self.path, 204))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def uri(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


class Service:
    def __init__(self, binary, data, **settings):
        self.data = data
        environment = {
            "PATH": os.environ["PATH"], "RUST_LOG": "warn", "HOOKLINE_METRICS_LISTEN": "127.0.0.1:0",
            "HOOKLINE_ALLOW_CIDRS": "127.0.0.0/8",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--data", data], env=environment | settings,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.address, self.metrics = self.printed(r"listens on http://(\S+)"), self.printed(r"metrics on http://(\S+)/metrics")
        # What else it prints is read, so that it never waits for a full pipe.
        self.reader = threading.Thread(target=lambda: [None for _ in self.process.stdout])
        self.reader.start()
        self.token = (data / "admin-token").read_text().strip()
        self.connection = http.client.HTTPConnection(self.address, timeout=60)

    def printed(self, form):
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if found := re.search(form, line):
                return found[1]
        raise AssertionError(f"the service ended: {''.join(lines)}")

    def call(self, method, path, body=None, status=200):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, f"/v1{path}", json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        assert answer.status == status, f"{method} {path}: {answer.status} {text}"
        return json.loads(text)

    def webhook(self, uri):
        return self.call("POST", "/webhooks", {"event": "request.create", "uri": uri, "mail_exceptions_to": "ada@example.com"})["id"]

    def publish(self, number=1):
        self.call("POST", "/events", [{"event": "request.create", "object_id": id} for id in range(number)], 202)

    def scrape(self):
        connection = http.client.HTTPConnection(self.metrics, timeout=60)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        return page

    def sample(self, name):
        """The value of a metric without labels."""
        return float(re.search(rf"^{name} (\S+)$", self.scrape(), re.MULTILINE)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.connection.close()


def until(what, ask, limit=180.0):
    """Asks again and again until the answer is something, and gives it."""
    end = time.monotonic() + limit
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {limit:.0f} s: {what()}"
        time.sleep(0.5)
