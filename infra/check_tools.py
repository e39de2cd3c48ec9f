"""Checks that the tools which build the stack are there, and new enough: python3 infra/check_tools.py

The versions are those that the tests of this repository build and deploy with (tests/stack/requirements-sam.txt). Older ones lack something
that the template uses: `RecursiveLoop`, fair queues as targets of a rule, or `BuildProperties: {Binary: …}` for Rust.
"""

import pathlib
import re
import subprocess
import sys

PINNED = pathlib.Path(__file__).resolve().parents[1] / "tests/stack/requirements-sam.txt"
TOOLS = [("aws-sam-cli", ["sam", "--version"]), ("cargo-lambda", ["cargo-lambda", "lambda", "--version"]), ("ziglang", ["zig", "version"])]


def pinned():
    return dict(re.findall(r"^([\w-]+)==([\d.]+)$", PINNED.read_text(), re.M))


def found(command):
    """The version that a tool says it has; `None` if there is no such tool."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (FileNotFoundError, PermissionError):
        return None
    version = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return version[0] if said.returncode == 0 and version else None


def number(version):
    return tuple(int(part) for part in version.split("."))


def wrong():
    """What must be installed, a sentence each."""
    for package, command in TOOLS:
        least, have = pinned()[package], found(command)
        if have is None and package == "ziglang" and found(["python3", "-m", "ziglang", "version"]):
            have = found(["python3", "-m", "ziglang", "version"])
        if have is None:
            yield f"{command[0]} is not there: pip install {package}=={least}"
        elif number(have) < number(least):
            yield f"{command[0]} {have} is older than {least}, with which this stack is tested: pip install {package}=={least}"


if __name__ == "__main__":
    problems = list(wrong())
    print("\n".join(problems) or "the tools are there", file=sys.stderr if problems else sys.stdout)
    sys.exit(1 if problems else 0)
