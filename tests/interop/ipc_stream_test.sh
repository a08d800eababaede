#!/usr/bin/env bash
# Arrow IPC streams of every type, written by us, are read by pyarrow.
set -euo pipefail
if [ -z "${OG_LANCE10_PYTHON:-}" ]; then
  echo "OG_LANCE10_PYTHON is not set: this test needs pyarrow; run it with ./dev test" >&2
  exit 1
fi
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/ipc_stream.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$OG_LANCE10_PYTHON" tests/interop/read_ipc.py "$folder" "$(tests/interop/write_ipc "$folder")"
