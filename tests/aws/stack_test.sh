#!/bin/sh
# Builds the functions and tests the stack on local AWS: stack_test.sh TOOLS BUILT
# TOOLS is what install.sh made; BUILT gets what `sam build` makes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/build.sh" "$1" "$2"
"$1/venv/bin/python" "$here/end_to_end_test.py" "$1" "$2"
