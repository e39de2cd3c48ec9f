"""Runs the code of docs/receivers.md against messages of the built binary: receivers.py EXECUTABLES RECEIVERS

EXECUTABLES is the folder of the built executables, RECEIVERS what `tests/foreign/receivers/install.sh` made. The binary
sends one event to a webhook with HMAC and to one of each JWT algorithm; every language judges every message, and a copy of
it for everything that a forger may try. Python, JavaScript and Rust must run; Java and Go run where they are installed.

A case is a line of fields with tabs between: `hmac SECRET ID TIMESTAMP SIGNATURE BODY` or `jwt KEY ALGORITHM AUDIENCE
ISSUER BODY`; key and body of a JWT are in base64. The programs that judge run before the event is published, so that no
message is old when it is judged.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.dont_write_bytecode = True

from terminal import LIMIT, Terminal

HERE = pathlib.Path(__file__).resolve().parent
CODE = HERE.parent.parent / "docs" / "receivers"
PAGE = HERE.parent.parent / "docs" / "receivers.md"
ALGORITHMS = ["hs256", "hs384", "hs512", "rs256", "rs384", "rs512", "es256", "es384"]
AUDIENCE = "receivers"


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Language:
    """A running program that judges messages."""

    def __init__(self, name, command, folder):
        self.name = name
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def judge(self, case):
        """True if the program takes the message for authentic."""
        answers = queue.Queue()
        self.process.stdin.write("\t".join(case) + "\n")
        self.process.stdin.flush()
        threading.Thread(target=lambda: answers.put(self.process.stdout.readline()), daemon=True).start()
        answer = answers.get(timeout=LIMIT).strip()
        assert answer == "accepted" or answer.startswith("refused"), f"{self.name}: {answer!r} for {case}"
        return answer == "accepted"

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(LIMIT) == 0, f"{self.name} ended with {self.process.returncode}"


def languages(executables, receivers, folder):
    """Builds and starts the program of each language that can run here."""
    def run(*command, **more):
        subprocess.run(command, cwd=folder, check=True, **more)

    for file in [*CODE.iterdir(), *(HERE / "receivers").glob("*river.*")]:
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(receivers / "node" / "node_modules")
    yield Language("Python", [receivers / "venv/bin/python", "-B", "driver.py"], folder)
    yield Language("JavaScript", ["node", "driver.mjs"], folder)
    yield Language("Rust", [executables / "hookline-docs-receiver"], folder)
    if shutil.which("javac"):
        run("javac", "Driver.java", "Verify.java")
        yield Language("Java", ["java", "Driver"], folder)
    else:
        print("Java is not installed: its code is not run")
    if shutil.which("go"):
        (folder / "receiver").mkdir()
        (folder / "verify.go").rename(folder / "receiver/verify.go")
        (folder / "go.mod").write_text("module hookline\n\ngo 1.21\n")
        caches = {"GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
        run("go", "build", "-o", "driver", "driver.go", env=os.environ | caches)
        yield Language("Go", [folder / "driver"], folder)
    else:
        print("Go is not installed: its code is not run")


class Inbox(http.server.BaseHTTPRequestHandler):
    """Takes messages by their path."""

    protocol_version = "HTTP/1.1"
    received = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.put((self.path.strip("/"), dict(self.headers.items()), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Service:
    """The real binary on an empty folder."""

    def __init__(self, executables, folder):
        environment = os.environ | {"RUST_LOG": "warn", "PATH": f"{executables}:{os.environ['PATH']}"}
        self.terminal = Terminal(folder, environment)
        self.terminal.start("hookline serve --listen 127.0.0.1:0 --allow-cidr 127.0.0.0/8")
        start = "hookline listens on "
        assert self.terminal.until(lambda output: start in output and "\n" in output.partition(start)[2]), self.terminal.output()
        self.url = self.terminal.output().partition(start)[2].split()[0]
        self.token = next(word for word in self.terminal.output().split() if word.startswith("hl_"))

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method, headers={
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
        })  # fmt: skip
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return json.loads(answer.read() or b"null")


def register(service, address):
    """Makes the webhooks: for each path of the inbox, what its receiver has to know."""
    told = {}
    for name in ["hmac", *ALGORITHMS]:
        fields = {"event": "request.create", "uri": f"{address}/{name}"}
        if name != "hmac":
            policy = service.call("POST", "/v1/webhook_policies", {
                "jwt_alg": name, "jwt_audience": AUDIENCE, "jwt_claim_expires_in": 5,
            })  # fmt: skip
            fields["webhook_policy_id"], told[name] = policy["id"], policy["public_key_pem"]
        webhook = service.call("POST", "/v1/webhooks", fields)
        if name == "hmac":
            told[name] = service.call("GET", f"/v1/webhooks/{webhook['id']}/secret")["secret"]
    return told


def hmac_cases(secret, headers, body):
    """The message, and copies of it: each with what it is, and whether it is authentic."""
    names = ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")
    message_id, timestamp, signature = (headers[name] for name in names)

    def case(secret=secret, message_id=message_id, timestamp=timestamp, signature=signature, body=body):
        return ["hmac", secret, message_id, timestamp, signature, base64.b64encode(body).decode()]

    def signed(timestamp):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        mac = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
        return case(timestamp=str(timestamp), signature="v1," + base64.b64encode(mac).decode())

    now = int(time.time())
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    yield "the message", case(), True
    yield "two signatures, as after a rotation", case(signature="v1," + "A" * 43 + "= " + signature), True
    yield "another body", case(body=body[:-1] + b" }"), False
    yield "another id", case(message_id=message_id + "0"), False
    yield "another secret", case(secret=other), False
    yield "another version", case(signature="v2" + signature[2:]), False
    yield "a cut signature", case(signature=signature[:-4]), False
    yield "no signature", case(signature=""), False
    yield "no time", case(timestamp=""), False
    yield "an old message", signed(now - 600), False
    yield "a message of the future", signed(now + 600), False


def jwt_cases(name, key, issuer, body):
    """The same for a message in a JWT."""
    algorithm, token = name.upper(), json.loads(body)["jwt"]
    head, claims, signature = token.split(".")
    said = json.loads(decode(claims))

    def case(token=token, audience=AUDIENCE, issuer=issuer, key=key):
        body = json.dumps({"jwt": token}).encode()
        return ["jwt", base64.b64encode(key.encode()).decode(), algorithm, audience, issuer, base64.b64encode(body).decode()]

    def signed(algorithm, key, **changes):
        """A token that an attacker signed with HMAC."""
        text = f"{encode(json.dumps({'typ': 'JWT', 'alg': algorithm}).encode())}."
        text += encode(json.dumps(said | changes, separators=(",", ":")).encode())
        return f"{text}.{encode(hmac.digest(key, text.encode(), 'sha' + algorithm[2:]))}"

    unsigned = encode(b'{"typ":"JWT","alg":"none"}')
    yield "the message", case(), True
    yield "other claims", case(f"{head}.{encode(json.dumps(said | {'sub': '0'}).encode())}.{signature}"), False
    yield "another audience", case(audience="others"), False
    yield "another issuer", case(issuer=issuer + "x"), False
    yield "a cut signature", case(token[:-8]), False
    yield "no signature", case(f"{head}.{claims}."), False
    yield "the algorithm none", case(f"{unsigned}.{claims}."), False
    yield "no JWT", case("nothing"), False
    confused = "HS" + algorithm[2:]
    if algorithm != confused:
        yield "the public key taken for a secret", case(signed(confused, key.encode())), False
    else:
        old = {"iat": said["iat"] - 120, "nbf": said["nbf"] - 120}
        yield "a repeat by another signer with the same secret", case(signed(algorithm, decode(key))), True
        yield "an old message", case(signed(algorithm, decode(key), **old)), False
        yield "another secret", case(signed(algorithm, bytes(64))), False


def shown_code():
    """The page must show the files as they are."""
    page = PAGE.read_text()
    for file in sorted(CODE.iterdir()):
        assert file.read_text() in page, f"docs/receivers.md does not show {file.name} as it is"


def main(executables, receivers):
    shown_code()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        judges = list(languages(executables, receivers, folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        service = Service(executables, folder)
        told = register(service, f"http://127.0.0.1:{server.server_port}")
        service.call("POST", "/v1/events", {"event": "request.create", "object_id": 332, "payload": {"status": "new"}})
        count = 0
        for _ in told:
            name, headers, body = Inbox.received.get(timeout=LIMIT)
            cases = hmac_cases(told[name], headers, body) if name == "hmac" else jwt_cases(name, told[name], f"{service.url}/a/main", body)
            for what, case, is_authentic in cases:
                for judge in judges:
                    assert judge.judge(case) == is_authentic, f"{judge.name}, {name}: {what}: {case}"
                    count += 1
        for judge in judges:
            judge.close()
        assert service.terminal.interrupt() == 0
        server.shutdown()
    print(f"{', '.join(judge.name for judge in judges)}: {count} verdicts")


if __name__ == "__main__":
    main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:3]))
