#!/usr/bin/env bash
# Compaction, cleanup, restore, refs, clones and copies by lance-tool and by two releases of Lance, on
# copies of the same datasets.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/maintenance.XXXXXX")
trap 'rm -rf "$folder"' EXIT
seed=${OG_SEED:-1}
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  place=$(mktemp -d "$folder/XXXXXX")
  "$python" tests/interop/maintenance.py cli/lance-tool "$place" "$seed"
done
