#!/bin/sh
# Installs the receivers' libraries under target/receivers, from the pinned lists beside this file.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$here/../../target/receivers
mkdir -p "$target/node"
[ -x "$target/venv/bin/pip" ] || python3 -m venv "$target/venv"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
cp "$here/package.json" "$here/package-lock.json" "$target/node/"
npm ci --prefix "$target/node" --no-audit --no-fund --ignore-scripts
