#!/usr/bin/env bash
# Files of every type, shape and encoding, written by us, are read by two releases of Lance.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/read_files.XXXXXX")
trap 'rm -rf "$folder"' EXIT
tests/interop/write_files "$folder"
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  "$python" tests/interop/read_files.py "$folder"
done
