"""The stack on this machine: AWS is started, the built template deployed, and everything ended at the end."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

import boto3
from botocore.config import Config

HERE = pathlib.Path(__file__).resolve().parent
REGION = "us-east-1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, ask, limit=60.0):
    """Asks again and again until the answer is something, and gives it."""
    end = time.monotonic() + limit
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {limit:.0f} s: {what}"
        time.sleep(0.1)


class Stack:
    NAME = "hookline"

    def __init__(self, tools, built, folder, parameters):
        self.tools, self.built, self.folder = pathlib.Path(tools), pathlib.Path(built), pathlib.Path(folder)
        self.port = free_port()
        self.log = open(self.folder / "aws.log", "w")
        self.calls = self.folder / "calls.jsonl"
        settings = {
            "GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "AUTH": "true",
            "CALLS": str(self.calls),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, HERE / "services.py"], env=self.environment() | settings, stdin=subprocess.PIPE,
            stdout=self.log, stderr=self.log, cwd=self.folder,
        )  # fmt: skip
        until("AWS answers", lambda: self.get("/_ministack/health", check=False), 30)
        self.s3, self.lambdas, self.sqs, self.events, self.cloudformation = map(
            self.client, ("s3", "lambda", "sqs", "events", "cloudformation")
        )
        self.physical_names = {}
        self.s3.create_bucket(Bucket="artifacts")
        try:
            self.deploy(parameters)
        except BaseException:
            self.close()
            raise

    def client(self, service):
        return boto3.client(
            service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 2}, read_timeout=60),
        )  # fmt: skip

    def environment(self):
        return os.environ | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SAM_CLI_TELEMETRY": "0",
        }  # fmt: skip

    def sam(self, *arguments):
        result = subprocess.run(
            [self.tools / "sam/bin/sam", *arguments], env=self.environment(), cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert result.returncode == 0, f"sam {arguments[0]} failed:\n{result.stdout[-8000:]}\n{self.failures()}"
        return result.stdout

    def deploy(self, parameters):
        self.outputs = self.deployed(self.NAME, parameters)

    def deployed(self, name, parameters):
        """Deploys a stack of this name, and gives its outputs."""
        self.sam(
            "deploy", "--template-file", self.built / "template.yaml", "--stack-name", name, "--s3-bucket",
            "artifacts", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
            "--no-fail-on-empty-changeset", "--parameter-overrides",
            *[f"{parameter}={value}" for parameter, value in parameters.items()],
        )  # fmt: skip
        (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def failures(self):
        try:
            events = self.cloudformation.describe_stack_events(StackName=self.NAME)["StackEvents"]
        except self.cloudformation.exceptions.ClientError:
            return "there is no stack"
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        return "\n".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in failed)

    def request(self, method, path, body=None, headers=None, host=None, check=True):
        """One HTTP call: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = body.encode() if isinstance(body, str) else body
        try:
            connection.request(method, path, body, {"Host": host or f"127.0.0.1:{self.port}"} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except OSError:
            if check:
                raise
            return None
        finally:
            connection.close()

    def get(self, path, check=True):
        answer = self.request("GET", path, check=check)
        return json.loads(answer[2]) if answer and answer[0] == 200 else None

    def api(self, method, path, body=None, token=None, headers=None, url=None):
        """A call of our API, over the gateway: status and JSON. `url` is the API of another stack."""
        headers = {"Content-Type": "application/json"} | (headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        host = urllib.parse.urlsplit(url or self.outputs["ApiUrl"]).netloc
        status, _, answer = self.request(method, path, body, headers, host)
        return status, json.loads(answer) if answer else None

    def upload(self, uri, fields, name, content):
        """Posts a form with a file, as a browser does: the status."""
        boundary = "----------------form"
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        head = "".join(f'{part}{field}"\r\n\r\n{value}\r\n' for field, value in fields.items())
        head += f'{part}file"; filename="{name}"\r\nContent-Type: application/pdf\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.request("POST", urllib.parse.urlsplit(uri).path, body, kind)[0]

    def fetch(self, uri):
        """What is at a link: status and bytes."""
        parts = urllib.parse.urlsplit(uri)
        status, _, body = self.request("GET", f"{parts.path}?{parts.query}")
        return status, body

    def admin(self, command, **fields):
        answer = self.lambdas.invoke(
            FunctionName=self.outputs["AdminFunction"], Payload=json.dumps({"command": command, **fields})
        )
        text = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, text
        return json.loads(text)

    def mails(self):
        return self.get("/_ministack/ses/messages")

    def function_logs(self, lines):
        """The last lines that the functions wrote."""
        logs, found = self.client("logs"), []
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{self.NAME}-")["logGroups"]:
            name = group["logGroupName"]
            for event in logs.filter_log_events(logGroupName=name)["events"]:
                if not event["message"].startswith(("START ", "END ", "REPORT ")) and "_aws" not in event["message"]:
                    found.append((event["timestamp"], f"{name}: {event['message'].rstrip()}"))
        return "\n".join(text for _, text in sorted(found)[-lines:])

    def processes(self, function):
        """The process ids of a function's environments: children of the stand-in that have its name."""
        function, found = self.physical(function), []
        for folder in pathlib.Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                parent = folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]
                environment = folder.joinpath("environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(parent) == self.process.pid and f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in environment:
                found.append(int(folder.name))
        return found

    def physical(self, name):
        """What a resource is called outside its template."""
        if name not in self.physical_names:
            resource = self.cloudformation.describe_stack_resource(StackName=self.NAME, LogicalResourceId=name)
            self.physical_names[name] = resource["StackResourceDetail"]["PhysicalResourceId"]
        return self.physical_names[name]

    def kill(self, pid):
        """Whether there was still something to kill."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def recorded(self):
        return [json.loads(line) for line in self.calls.read_text().splitlines()]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
