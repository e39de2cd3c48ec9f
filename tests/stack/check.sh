#!/bin/sh
# Checks the template: check.sh TOOLS
# TOOLS is what install.sh made.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools=$1
cd "$here/../.."
export PATH="$tools/sam/bin:$PATH" SAM_CLI_TELEMETRY=0
sam validate --lint
cfn-lint template.yaml
transformed=$(mktemp)
trap 'rm -f "$transformed"' EXIT
python "$here/template.py" > "$transformed"
cfn-lint "$transformed"
python "$here/template_test.py"
python "$here/aws_rules_test.py"
python "$here/figures_test.py"
python "$here/package_test.py"
