"""How much processor time each function needs until it asks for its first event, and how large it is: start_test.py BUILT

BUILT is what build.sh made by the release profile, of all functions or of some. An environment of Lambda starts with every
burst of work, and callers wait for that start. The Runtime API here holds the first `next`. The processor time that the
process has used by then is counted, with all its threads and the loading of its executable.

No time is asserted, because machines differ. The yardstick is a bare function on the AWS SDK for Python, measured in the same
run on the same machine: it makes the clients that our functions make, and asks for its first event.
"""

import http.server
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import unittest

BUILT = pathlib.Path(sys.argv[1]).resolve()
STARTS = 9
# A bare function takes so many times as long at least; beside a debug build it takes more than 20 times as long.
TIMES_FASTER = 10
MAX_BYTES = 9_000_000
# The Python with the SDK is the one that runs this test.
YARDSTICK = [
    sys.executable,
    "-c",
    """
import os, urllib.request
import boto3
clients = [boto3.client(name, region_name="us-east-1") for name in ("dynamodb", "sqs", "kms", "ses", "s3")]
url = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/next"
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url).read()
""",
]
FUNCTIONS = sorted(bootstrap.parent.name for bootstrap in BUILT.glob("*/bootstrap"))
URL = "https://sqs.us-east-1.amazonaws.com/000000000000"
ENVIRONMENT = {
    "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "hookline", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "_HANDLER": "bootstrap",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hookline",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0", "HOOKLINE_TABLE": "hookline",
    "HOOKLINE_PUBLIC_URL": "https://hooks.example.com", "HOOKLINE_EVENTS_QUEUE_URL": f"{URL}/events",
    "HOOKLINE_EVENTS_DEAD_LETTERS_URL": f"{URL}/events-dead", "HOOKLINE_DELIVERIES_QUEUE_URL": f"{URL}/deliveries",
    "HOOKLINE_DELIVERIES_DEAD_LETTERS_URL": f"{URL}/deliveries-dead", "HOOKLINE_MASTER_KEY": "alias/hookline",
    "HOOKLINE_MAIL_SENDER": "hooks@example.com", "HOOKLINE_UPLOADS_BUCKET": "uploads",
    "HOOKLINE_ATTACHMENTS_BUCKET": "attachments",
}  # fmt: skip


class Start(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.asked = asked = threading.Event()

        class RuntimeApi(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/2018-06-01/runtime/invocation/next":
                    asked.set()
                    # There is never an event: the process is killed while it waits.
                    self.rfile.read(1)

            def log_message(self, *_):
                pass

        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
        cls.server.daemon_threads = True
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.shutdown)

    def milliseconds(self, command):
        self.asked.clear()
        runtime = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}"}
        process = subprocess.Popen(command, env=ENVIRONMENT | runtime)
        try:
            self.assertTrue(self.asked.wait(120), f"{command[0]} does not ask for an event")
        finally:
            # Not by `Popen`, which would wait for a process that ended and lose its times.
            os.kill(process.pid, signal.SIGKILL)
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
        return (used.ru_utime + used.ru_stime) * 1000

    def median(self, command):
        return statistics.median(self.milliseconds(command) for _ in range(STARTS))

    def test_every_function_starts_fast_and_is_small(self):
        self.assertTrue(FUNCTIONS)
        yardstick = self.median(YARDSTICK)
        print(f"{'yardstick':<14}{yardstick:6.1f} ms to the first event of a bare function on the SDK for Python")
        for function in FUNCTIONS:
            bootstrap = BUILT / function / "bootstrap"
            size = bootstrap.stat().st_size
            used = self.median([bootstrap])
            print(f"{function:<14}{used:6.1f} ms, {yardstick / used:5.1f} times as fast, {size / 1e6:5.2f} MB")
            with self.subTest(function):
                self.assertGreaterEqual(yardstick / used, TIMES_FASTER)
                self.assertLess(size, MAX_BYTES)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
