"""Puts the routes of the gateway into template.yaml: hookline openapi --gateway | python3 infra/gateway.py

They are what the router's own table says; a test of the router compares them with the template.
"""

import pathlib
import sys

TEMPLATE = pathlib.Path(__file__).resolve().parents[1] / "template.yaml"
INDENT = " " * 8


def with_body(template, body):
    """The template with another body of its API."""
    lines = template.splitlines(keepends=True)
    begin = lines.index("      Body:\n") + 1
    end = begin
    while lines[end].startswith(INDENT):
        end += 1
    return "".join([*lines[:begin], *(INDENT + line for line in body.splitlines(keepends=True)), *lines[end:]])


if __name__ == "__main__":
    TEMPLATE.write_text(with_body(TEMPLATE.read_text(), sys.stdin.read()))
