#!/usr/bin/env bash
# Files of every type, shape and encoding, written by two releases of Lance, are read by us and come
# back to them unchanged.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test --all" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/lance_matrix.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  "$python" tests/interop/lance_matrix.py tests/interop/copy_file "$folder"
done
