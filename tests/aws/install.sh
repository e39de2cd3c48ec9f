#!/bin/sh
# Installs what stands in for AWS in tests: a DynamoDB (dynoxide) and the other services (ministack): install.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder"
[ -x "$folder/venv/bin/pip" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
# Optimised: its SQLite is what the tests wait for.
cargo install --quiet --locked --root "$folder/dynoxide" --target-dir "$folder/dynoxide/build" \
    --no-default-features --features native-sqlite,http-server,cli dynoxide-rs@3.2.0
