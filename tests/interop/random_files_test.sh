#!/usr/bin/env bash
# SEED COUNT: random files of two releases of Lance are read by us and come back to them unchanged.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/random_files.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  "$python" tests/interop/random_files.py tests/interop/copy_file cli/lance-tool "$folder" "$1" "$2"
done
