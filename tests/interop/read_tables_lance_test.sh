#!/usr/bin/env bash
# A table with a history of every kind of commit, written by us, is read and carried on by two
# releases of Lance; then we read what they wrote.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/read_tables.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  place=$(mktemp -d "$folder/XXXXXX")
  tests/interop/write_tables write "$place"
  "$python" tests/interop/read_tables.py "$place"
  tests/interop/write_tables check "$place"
done
