"""Scans a Lance dataset with liblance.so. usage: scan_dataset.py LIBLANCE DATASET [FILTER]"""

import ctypes as c
import sys

import pyarrow as pa


class Stream(c.Structure):  # an ArrowArrayStream, filled by one side and taken over by the other
    _fields_ = [("words", c.c_void_p * 5)]


lance = c.CDLL(sys.argv[1])
for name in ("lance_dataset_open", "lance_scanner_new", "lance_last_error_message"):
    getattr(lance, name).restype = c.c_void_p


def check(is_fine):
    if not is_fine:
        sys.exit("error: " + c.string_at(lance.lance_last_error_message()).decode())


filter = sys.argv[3].encode() if len(sys.argv) > 3 else None
dataset = c.c_void_p(lance.lance_dataset_open(sys.argv[2].encode(), None, c.c_uint64(0)))
check(dataset)
scanner = c.c_void_p(lance.lance_scanner_new(dataset, None, filter))
check(scanner)
stream = Stream()
check(lance.lance_scanner_to_arrow_stream(scanner, c.byref(stream)) == 0)
print(pa.RecordBatchReader._import_from_c(c.addressof(stream)).read_all().to_pydict())
lance.lance_scanner_close(scanner)
lance.lance_dataset_close(dataset)
