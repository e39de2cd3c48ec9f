#!/bin/sh
# Installs what stands in for AWS in tests, and its tools: install.sh FOLDER
# FOLDER/dynoxide is a DynamoDB; FOLDER/venv has the other services (ministack) and boto3; FOLDER/sam has sam, cfn-lint and
# cargo-lambda, apart because it wants another version of boto3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder"
install() {
    [ -x "$folder/$1/bin/pip" ] || python3 -m venv "$folder/$1"
    # The lists are complete, so nothing needs to be searched for.
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-compile --requirement "$here/$2"
}
install venv requirements.txt
install sam requirements-sam.txt
# Optimised: its SQLite is what the tests wait for.
cargo install --quiet --locked --root "$folder/dynoxide" --target-dir "$folder/dynoxide/build" \
    --no-default-features --features native-sqlite,http-server,cli dynoxide-rs@3.2.0
