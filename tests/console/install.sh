#!/bin/sh
# Installs what the console's tests need from the pinned list beside this file, and unpacks the browser that one of the
# packages carries: install.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder"
if ! cmp -s "$here/package-lock.json" "$folder/installed-lock.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$folder/"
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent)
    node "$here/unpack.mjs" "$folder"
    cp "$here/package-lock.json" "$folder/installed-lock.json"
fi
