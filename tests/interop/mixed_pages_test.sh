#!/usr/bin/env bash
# Two releases of Lance read columns of ours whose pages differ in nulls and in the width of values.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/mixed_pages.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  "$python" tests/interop/mixed_pages.py tests/interop/copy_file "$folder"
done
