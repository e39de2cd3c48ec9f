#!/bin/sh
# Installs the clients that others wrote from the pinned list beside this file: install.sh FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
[ -x "$folder/venv/bin/pip" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
