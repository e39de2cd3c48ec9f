"""Runs the commands of docs/aws.md and infra/*.md, and compares the parameters with the template: aws.py EXECUTABLES TOOLS

EXECUTABLES is the folder of the built executables, TOOLS what `tests/stack/install.sh` made. `sam` and `aws` are stand-ins
that check every option with the real program and the real models of the API; the API itself is the built binary. What the
stack does when it is deployed is tested in `tests/stack`.
"""

import os
import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True

from run import ELSEWHERE, ROOT, Page
from terminal import Terminal

PAGE = "docs/aws.md"


def parameters_of_template():
    """Name and default of every parameter."""
    section = (ROOT / "template.yaml").read_text().partition("\nParameters:\n")[2]
    section = re.split(r"\n(?=\S)", section)[0]
    for name, body in re.findall(r"^  (\w+):\n((?:    .*\n?)+)", section, re.MULTILINE):
        default = re.search(r"^    Default: (.*)$", body, re.MULTILINE)
        yield name, default and default[1].strip("'")


def parameters_of_page():
    section = (ROOT / PAGE).read_text().partition("\n## Parameters\n")[2].partition("\n## ")[0]
    for name, default in re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE):
        yield name, {"required": None, "empty": ""}.get(default, default.strip("`"))


def main(executables, tools):
    template, page = dict(parameters_of_template()), dict(parameters_of_page())
    assert template == page, f"docs/aws.md and template.yaml differ: {set(template.items()) ^ set(page.items())}"
    environment = {
        "PATH": f"{ROOT / 'tests/docs/stand-ins-aws'}:{ROOT / 'tests/docs/stand-ins'}:{tools / 'venv/bin'}:{executables}:{os.environ['PATH']}",
        "SAM": str(tools / "sam/bin/sam"),
        "SAM_CLI_TELEMETRY": "0",
        "COMMANDS": str(ROOT / "functions/admin/src/commands.rs"),
        "EVENTS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/111122223333/events",
    }
    for page in [PAGE, *sorted(ELSEWHERE - {PAGE})]:
        with tempfile.TemporaryDirectory() as folder:
            story = Page(page, executables, folder, environment)
            (pathlib.Path(folder) / "infra").symlink_to(ROOT / "infra")
            service = Terminal(folder, story.environment)
            service.start("hookline serve")
            assert service.until(lambda output: "hookline listens on" in output), service.output()
            story.environment["API_URL"] = story.environment["HOOKLINE_URL"]
            try:
                story.run()
            finally:
                service.interrupt()
        print(f"{page}: {len(story.steps)} steps")
    print(f"{len(template)} parameters")


if __name__ == "__main__":
    main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:3]))
