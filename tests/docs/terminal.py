"""A terminal: a shell that keeps its variables from one command to the next, and at most one program that keeps running."""

import os
import pty
import re
import shlex
import signal
import subprocess
import threading
import time

# Only a command that hangs takes so long.
LIMIT = 300.0
# Programs that run until they are interrupted.
RUNNING = ("hookline serve", "hookline listen")
ASSIGNMENT = re.compile(r"[A-Z_]+=")


class Hang(Exception):
    """A command does not end, or does not print what it should."""


class Terminal:
    def __init__(self, folder, environment):
        self.environment, self.folder = dict(environment), folder
        self.running, self.printed, self.reader = None, b"", None

    def run(self, command):
        """Runs a command to its end: its exit code, and what it printed."""
        self.interrupt()
        script = f"{command}\n__code=$?; {{ pwd; env -0; }} >&3; exit $__code"
        state_read, state_write = os.pipe()
        state = []
        reader = threading.Thread(target=lambda: state.append(read_all(state_read)), daemon=True)
        reader.start()
        shell = subprocess.Popen(
            ["bash", "-c", f"exec 3>&{state_write}; set -a; {script}"], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[state_write],
            start_new_session=True,
        )  # fmt: skip
        os.close(state_write)
        try:
            printed, _ = shell.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise Hang(f"it does not end: {command}") from None
        reader.join(LIMIT)
        if state and state[0]:
            folder, _, variables = state[0].partition(b"\n")
            self.folder = folder.decode()
            pairs = (variable.partition("=") for variable in variables.decode().split("\0") if variable)
            self.environment = {name: value for name, _, value in pairs if name not in ("_", "SHLVL")}
        return shell.returncode, printed.decode(errors="replace")

    def start(self, command):
        """Starts a program that keeps running, as on a real terminal."""
        self.interrupt()
        ours, theirs = pty.openpty()
        self.printed = b""
        self.running = subprocess.Popen(
            ["bash", "-c", f"set -a; {command}"], cwd=self.folder, env=self.environment, stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.reader = threading.Thread(target=self.collect, args=(ours,), daemon=True)
        self.reader.start()

    def collect(self, ours):
        try:
            while piece := os.read(ours, 65536):
                self.printed += piece
        except OSError:  # a terminal whose program has ended
            pass
        finally:
            os.close(ours)

    def output(self):
        return self.printed.decode(errors="replace")

    def until(self, is_there):
        """Waits until the running program has printed something."""
        end = time.monotonic() + LIMIT
        while not is_there(self.output()):
            if self.running is None or self.running.poll() is not None or time.monotonic() > end:
                return is_there(self.output())
            time.sleep(0.02)
        return True

    def interrupt(self):
        """Ends the running program as Ctrl-C does; gives its exit code."""
        if self.running is None:
            return None
        running, self.running = self.running, None
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGINT)
        try:
            return running.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise Hang(f"it does not end when interrupted: {running.args[-1]}") from None
        finally:
            self.reader.join(LIMIT)


def keeps_running(command):
    """True for a program that runs until it is interrupted."""
    words = shlex.split(command, comments=True)
    while words and ASSIGNMENT.match(words[0]):
        words.pop(0)
    return " ".join(words[:2]) in RUNNING


def read_all(descriptor):
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()
