"""Runs every command of the documentation against the built binary: run.py FOLDER-OF-EXECUTABLES [PAGE]...

Each page is a story of its own in an empty folder, on loopback, with free ports in place of 8080, 9000 and 9464. A command whose
output the page shows must print it (see `expected.py`); one without shown output must succeed. `cargo`, `make` and the
like are the stand-ins in `stand-ins/`, which check that what they are asked for exists. Waits between attempts are scaled
down; no limit here depends on how fast the machine is. All pages together also need living links, and every setting.
"""

import os
import pathlib
import re
import socket
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True

import links
import pages
from expected import Names, plain
from terminal import Hang, Terminal, keeps_running

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Pages that are run elsewhere: against the stack on local AWS.
ELSEWHERE = {"docs/aws.md", "infra/iam.md", "infra/runbook.md"}


class Failure(Exception):
    pass


def all_pages():
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("infra/*.md")]
    return sorted(str(page.relative_to(ROOT)) for page in found if str(page.relative_to(ROOT)) not in ELSEWHERE)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Page:
    """One page, run from its first command to its last."""

    def __init__(self, page, executables, folder, environment=None, prepare=lambda text: text):
        self.page, self.folder, self.names, self.terminals = page, folder, Names(), {}
        self.ports = {port: str(free_port()) for port in ("8080", "9000", "9464")}
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
        self.environment = kept | {
            "PATH": f"{HERE / 'stand-ins'}:{executables}:{os.environ['PATH']}",
            "HOME": str(folder),
            "REPOSITORY": str(ROOT),
            "RUST_LOG": "warn",
            "NO_COLOR": "1",
            "HOOKLINE_LISTEN": f"127.0.0.1:{self.ports['8080']}",
            "HOOKLINE_URL": f"http://127.0.0.1:{self.ports['8080']}",
            "HOOKLINE_WAIT_SCALE": "0.001",
        } | (environment or {})
        self.steps = pages.steps(prepare(self.ported((ROOT / page).read_text())))

    def ported(self, text):
        return re.sub(r"\b(127\.0\.0\.1):(8080|9000|9464)\b", lambda found: f"{found[1]}:{self.ports[found[2]]}", text)

    def run(self):
        try:
            for step in self.steps:
                self.take(step)
            for terminal in self.terminals.values():
                if (code := terminal.interrupt()) not in (None, 0, 130):
                    raise Failure(f"{self.page}: a program ended with {code}:\n{terminal.output()}")
        finally:
            for terminal in self.terminals.values():
                terminal.interrupt()

    def take(self, step):
        if step.terminal not in self.terminals:
            self.terminals[step.terminal] = Terminal(self.folder, self.environment)
        terminal = self.terminals[step.terminal]
        shows_failure = any(line.startswith(("hookline: ", "error: ")) for line in step.output)
        if step.command is None or keeps_running(step.command) and not shows_failure:
            if step.command is not None:
                terminal.start(self.names.fill(step.command))
            if not terminal.until(lambda output: self.names.find(step.output, output, whole=False)):
                raise self.failure(step, terminal.output())
            return
        try:
            code, output = terminal.run(self.names.fill(step.command))
        except Hang as hang:
            raise self.failure(step, str(hang)) from None
        if (code != 0) != shows_failure:
            raise self.failure(step, f"exit code {code}\n{output}")
        if step.output and not self.names.find(step.output, output, whole=True):
            raise self.failure(step, output)

    def failure(self, step, output):
        others = "".join(f"\n--- terminal {name}\n{plain(t.output())[-3000:]}" for name, t in self.terminals.items() if t.printed)
        shown = "\n".join(step.output) or "(nothing)"
        return Failure(f"{self.page}:{step.line}: {step.command or 'more output'}\n--- shown\n{shown}\n--- real\n{plain(output)}{others}")


def main(executables, wanted):
    passed = failed = 0
    if not wanted and (faults := links.faults()):
        failed += 1
        print(*faults, sep="\n", file=sys.stderr)
    for page in wanted or all_pages():
        with tempfile.TemporaryDirectory() as folder:
            story = Page(page, executables, folder)
            try:
                story.run()
            except Exception as failure:
                failed += 1
                print(failure if isinstance(failure, Failure) else traceback.format_exc(), file=sys.stderr)
                continue
        passed += 1
        print(f"{page}: {len(story.steps)} steps")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]))
