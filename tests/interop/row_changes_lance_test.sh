#!/usr/bin/env bash
# Random changes of rows and columns, made by lance-tool and by two releases of Lance, compared
# after every one. OG_SEED repeats a run.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
seed=${OG_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "OG_SEED=$seed"
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/row_changes.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  place=$(mktemp -d "$folder/XXXXXX")
  "$python" tests/interop/row_changes.py cli/lance-tool "$place" "$seed" "${1:-1}"
done
