"""Reads the commands of a page, each with the output that the page shows for it.

Every fenced block of the kind `console` is one piece of a terminal session. A line that begins with `$ ` is a command; the
lines after it are its output. A block without a command shows what a terminal that is still running prints next. An HTML
comment before the block says in which terminal it happens, and may be followed by other words:

    <!-- terminal: service -->
"""

import re
import subprocess
from dataclasses import dataclass, field

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\S*)")
COMMENT = re.compile(r"^ *<!-- terminal: (?P<terminal>[a-z]+) -->$")


@dataclass
class Step:
    """A command, or None where only more output is shown, and the output."""

    line: int
    terminal: str
    command: str | None
    output: list[str] = field(default_factory=list)


def steps(text):
    """The steps of a page, in their order."""
    found, terminal, inside, indent = [], "main", None, 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if inside is None:
            if comment := COMMENT.match(line):
                terminal = comment["terminal"]
            elif fence:
                inside, indent, first = fence["kind"], len(fence["indent"]), True
            elif line.strip():
                terminal = "main"
        elif fence and fence["kind"] == "":
            inside = None
            terminal = "main"
        elif inside == "console":
            line = line[indent:]
            if line.startswith("$ "):
                found.append(Step(number, terminal, line[2:]))
            elif first:
                found.append(Step(number, terminal, None, [line]))
            elif found[-1].command is not None and not found[-1].output and is_incomplete(found[-1].command):
                found[-1].command += "\n" + line
            else:
                found[-1].output.append(line)
            first = False
    return found


def is_incomplete(command):
    """True if the shell waits for more of it."""
    if command.endswith("\\"):
        return True
    read = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    return read.returncode != 0 or "here-document" in read.stderr
