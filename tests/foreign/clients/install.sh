#!/bin/sh
# Installs the clients that others wrote, and the generators of clients, from the pinned lists beside this file:
# install.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder/node"
[ -x "$folder/venv/bin/pip" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
cp "$here/node/package.json" "$here/node/package-lock.json" "$folder/node/"
npm ci --prefix "$folder/node" --no-audit --no-fund --ignore-scripts
