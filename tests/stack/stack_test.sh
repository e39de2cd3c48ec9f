#!/bin/sh
# Builds the functions and tests the stack on local AWS: stack_test.sh TOOLS BUILT
# TOOLS is what install.sh made; BUILT gets what `sam build` makes. If the environment has PREBUILT, the executables there
# are taken and not built again. Only those that users get are measured. What is deployed is the package that `make package` makes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools=$1
built=$2
"$here/build.sh" "$tools" "$built"
if [ -z "${PREBUILT:-}" ]; then
    "$tools/venv/bin/python" "$here/start_test.py" "$built"
fi
case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
"$tools/venv/bin/python" "$here/../../infra/package.py" "$built" "$built/package" "$architecture"
"$tools/venv/bin/python" "$here/end_to_end_test.py" "$tools" "$built/package"
