#!/bin/sh
# Checks what infra/observability ships: check.sh BINARY FOLDER
# FOLDER is what install.sh made.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
promtool=$2/promtool
"$promtool" check config "$here/../../infra/observability/prometheus.yml"
"$promtool" test rules "$here/rules_test.yml"
python3 "$here/live_test.py" "$1" "$2"
