#!/bin/sh
# Checks the template, builds the functions, and tests the stack on local AWS: check.sh TOOLS BUILT
# TOOLS is what install.sh made; BUILT gets what `sam build` makes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools=$1
built=$2
cd "$here/../.."
export PATH="$tools/sam/bin:$PATH" SAM_CLI_TELEMETRY=0
sam validate --lint
cfn-lint template.yaml
transformed=$(mktemp)
trap 'rm -f "$transformed"' EXIT
python "$here/template.py" > "$transformed"
cfn-lint "$transformed"
python "$here/template_test.py"
"$here/build.sh" "$tools" "$built"
"$tools/venv/bin/python" "$here/end_to_end_test.py" "$tools" "$built"
