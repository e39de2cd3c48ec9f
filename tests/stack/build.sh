#!/bin/sh
# Builds the functions with `sam build` for this machine's processor: build.sh TOOLS FOLDER [FUNCTION]
# TOOLS is what install.sh made; FOLDER gets the built template and the executables, of all functions or of one. They are
# those that a user gets, by the release profile and this machine's own compiler; or, if the environment has PREBUILT, those
# that are there already.
set -eu
cd "$(dirname "$0")/../.."
export PATH="$1/sam/bin:$PATH" SAM_CLI_TELEMETRY=0
export CARGO_LAMBDA_COMPILER=cargo
if [ -n "${PREBUILT:-}" ]; then
    export PATH="$PWD/tests/stack/prebuilt:$PATH"
fi
case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
exec sam build ${3:-} --build-dir "$2" --parameter-overrides "Architecture=$architecture MailSender=hooks@example.com"
