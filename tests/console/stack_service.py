"""The built functions behind the local gateway, for the console's tests: stack_service.py TOOLS BUILT

TOOLS is what tests/stack/install.sh made, BUILT what infra/package.py made. Prints a line of JSON: the port of local AWS, the host of
the API and an administrator's token of the account `main`. Each line on standard input is a command of the function `admin`, in
JSON, and is answered with a line. It ends with its input.
"""

import json
import pathlib
import platform
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "stack"))
sys.dont_write_bytecode = True

from stack import Stack  # noqa: E402

PARAMETERS = {
    "MailSender": "hooks@example.com",
    "Architecture": "arm64" if "aarch64" in platform.machine() else "x86_64",
    "AllowCidrs": "127.0.0.0/8",
    "RateLimit": "100000",
    "FanOutConcurrency": "10",
    "DeliveryConcurrency": "10",
}


def say(answer):
    print(json.dumps(answer), flush=True)


def main(tools, built):
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(tools, built, folder, PARAMETERS)
        try:
            stack.admin("account.create", id="main", name="Main")
            admin = stack.admin("token.create", account="main", person="Administrator", role="administrator")
            say({"port": stack.port, "host": stack.outputs["ApiUrl"].partition("//")[2], "admin": admin["token"]})
            for line in sys.stdin:
                fields = json.loads(line)
                say(stack.admin(fields.pop("command"), **fields))
            print(stack.function_logs(40), file=sys.stderr)
        finally:
            stack.close()


if __name__ == "__main__":
    main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:3]))
