"""ministack on the port in GATEWAY_PORT, without two waits of its Lambda runtime that nothing here needs.

It ends when its standard input does, so that it never outlives the tests that started it.
"""

import os
import socketserver
import sys
import threading

# An answer's head and body go out apart: without this the second waits 40 ms for the first to be acknowledged.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core import lambda_runtime

# It waits 50 ms for a line on stderr after each call, also where none comes.
lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.002, 0.001, 0.05)

from ministack.app import main


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
sys.argv = ["ministack"]
sys.exit(main())
