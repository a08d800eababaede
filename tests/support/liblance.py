"""liblance.so from Python: ctypes for the calls, pyarrow for the rows, which are not copied.

    lance = liblance.Library("engine/capi/liblance.so")
    table = lance.write("x.lance", pa.table({"id": [1, 2]}))
    table.scan(filter="id > 1")
"""

import ctypes as c
import json

import pyarrow as pa

MODES = {"create": 0, "append": 1, "overwrite": 2}
WHEN_MATCHED = {"do_nothing": 0, "update_all": 1, "update_if": 2, "fail": 3, "delete": 4}
WHEN_NOT_MATCHED = {"insert_all": 0, "do_nothing": 1}
BY_SOURCE = {"keep": 0, "delete": 1, "delete_if": 2}


class Error(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class ArrowStruct(c.Structure):
    """Room for an ArrowSchema, ArrowArray or ArrowArrayStream."""

    _fields_ = [("words", c.c_void_p * 10)]


class WriteParams(c.Structure):
    _fields_ = [("max_rows_per_file", c.c_uint64), ("max_rows_per_group", c.c_uint64),
                ("max_bytes_per_file", c.c_uint64), ("data_storage_version", c.c_char_p),
                ("enable_stable_row_ids", c.c_bool)]


class MergeParams(c.Structure):
    _fields_ = [("when_matched", c.c_int32), ("when_matched_expr", c.c_char_p),
                ("when_not_matched", c.c_int32), ("when_not_matched_by_source", c.c_int32),
                ("when_not_matched_by_source_expr", c.c_char_p)]


class Numbers(c.Structure):
    """The results of a merge (the first three) or of a compaction."""

    _fields_ = [("values", c.c_uint64 * 5)]


class Alteration(c.Structure):
    _fields_ = [("path", c.c_char_p), ("rename", c.c_char_p), ("nullable_mode", c.c_int32),
                ("data_type", c.c_void_p)]


class SqlColumn(c.Structure):
    _fields_ = [("name", c.c_char_p), ("expression", c.c_char_p)]


POINTERS = ["lance_dataset_open", "lance_dataset_restore", "lance_dataset_versions", "lance_scanner_new",
            "lance_last_error_message", "lance_dataset_index_list_json", "lance_dataset_calculate_data_stats"]
NUMBERS = ["lance_dataset_version", "lance_dataset_count_rows", "lance_dataset_latest_version",
           "lance_versions_count", "lance_versions_id_at", "lance_dataset_fragment_count",
           "lance_data_statistics_count", "lance_data_statistics_bytes_on_disk_at",
           "lance_dataset_index_count", "lance_dataset_index_segment_count"]


def encoded(text):
    return None if text is None else text.encode()


def text_list(texts):
    return None if texts is None else (c.c_char_p * (len(texts) + 1))(*map(str.encode, texts), None)


class Library:
    def __init__(self, path):
        self.functions = c.CDLL(path)
        for name in POINTERS:
            getattr(self.functions, name).restype = c.c_void_p
        for name in NUMBERS:
            getattr(self.functions, name).restype = c.c_uint64

    def call(self, name, *arguments):
        """The result of a function; an Error if it left one."""
        result = getattr(self.functions, name)(*arguments)
        code = self.functions.lance_last_error_code()
        if code != 0:
            raise Error(code, self.text(self.functions.lance_last_error_message()))
        return result

    def text(self, address):
        try:
            return c.string_at(address).decode()
        finally:
            self.functions.lance_free_string(c.c_void_p(address))

    def open(self, uri, version=0, options=None):
        words = None if options is None else [word for pair in options.items() for word in pair]
        address = self.call("lance_dataset_open", encoded(uri), text_list(words), c.c_uint64(version))
        return Dataset(self, address)

    def write(self, uri, rows, mode="create", options=None, max_rows_per_file=0, file_version=None,
              stable_row_ids=False):
        """`rows`: a table or a reader of batches."""
        reader = rows if isinstance(rows, pa.RecordBatchReader) else rows.to_reader()
        schema, stream, out = ArrowStruct(), ArrowStruct(), c.c_void_p()
        reader.schema._export_to_c(c.addressof(schema))
        reader._export_to_c(c.addressof(stream))
        params = WriteParams(max_rows_per_file, 0, 0, encoded(file_version), stable_row_ids)
        words = None if options is None else [word for pair in options.items() for word in pair]
        try:
            self.call("lance_dataset_write_with_params", encoded(uri), c.byref(schema), c.byref(stream),
                      c.c_int32(MODES[mode]), c.byref(params), text_list(words), c.byref(out))
        finally:
            pa.Schema._import_from_c(c.addressof(schema))  # releases it
        return Dataset(self, out.value)


class Dataset:
    def __init__(self, library, address):
        self.library = library
        self.address = c.c_void_p(address)

    def __del__(self):
        self.close()

    def close(self):
        if self.address is not None:
            self.library.functions.lance_dataset_close(self.address)
            self.address = None

    def call(self, name, *arguments):
        return self.library.call(name, self.address, *arguments)

    @property
    def version(self):
        return self.call("lance_dataset_version")

    @property
    def latest_version(self):
        return self.call("lance_dataset_latest_version")

    def count_rows(self):
        return self.call("lance_dataset_count_rows")

    @property
    def schema(self):
        out = ArrowStruct()
        self.call("lance_dataset_schema", c.byref(out))
        return pa.Schema._import_from_c(c.addressof(out))

    def fragment_ids(self):
        ids = (c.c_uint64 * self.call("lance_dataset_fragment_count"))()
        self.call("lance_dataset_fragment_ids", ids)
        return list(ids)

    def versions(self):
        list_of = c.c_void_p(self.call("lance_dataset_versions"))
        try:
            count = self.library.call("lance_versions_count", list_of)
            return [self.library.call("lance_versions_id_at", list_of, c.c_size_t(i)) for i in range(count)]
        finally:
            self.library.functions.lance_versions_close(list_of)

    def statistics(self):
        """Bytes on disk by field id."""
        stats = c.c_void_p(self.call("lance_dataset_calculate_data_stats"))
        try:
            count = self.library.call("lance_data_statistics_count", stats)
            entries = [[self.library.call(f"lance_data_statistics_{what}_at", stats, c.c_size_t(i))
                        for what in ("field_id", "bytes_on_disk")] for i in range(count)]
            return dict(entries)
        finally:
            self.library.functions.lance_data_statistics_close(stats)

    def restore(self, version):
        return Dataset(self.library, self.call("lance_dataset_restore", c.c_uint64(version)))

    def reader(self, columns=None, filter=None, limit=None, offset=None, batch_size=None,
               with_row_id=False, fragment_ids=None):
        """A scan as a pyarrow.RecordBatchReader."""
        scanner = c.c_void_p(self.call("lance_scanner_new", text_list(columns), encoded(filter)))
        stream = ArrowStruct()
        try:
            for name, value in (("limit", limit), ("offset", offset), ("batch_size", batch_size)):
                if value is not None:
                    self.library.call(f"lance_scanner_set_{name}", scanner, c.c_int64(value))
            self.library.call("lance_scanner_with_row_id", scanner, c.c_bool(with_row_id))
            if fragment_ids is not None:
                ids = (c.c_uint64 * len(fragment_ids))(*fragment_ids)
                self.library.call("lance_scanner_set_fragment_ids", scanner, ids, c.c_size_t(len(fragment_ids)))
            self.library.call("lance_scanner_to_arrow_stream", scanner, c.byref(stream))
        finally:
            self.library.functions.lance_scanner_close(scanner)
        return pa.RecordBatchReader._import_from_c(c.addressof(stream))

    def scan(self, **options):
        return self.reader(**options).read_all()

    def take(self, rows, columns=None, by="take"):
        """Rows by position; by="take_rows": by row id. `rows` is a list or an array of uint64."""
        count = len(rows)
        address = rows.ctypes.data_as(c.POINTER(c.c_uint64)) if hasattr(rows, "ctypes") else (c.c_uint64 * count)(*rows)
        stream = ArrowStruct()
        self.call(f"lance_dataset_{by}", address, c.c_size_t(count), text_list(columns), c.byref(stream))
        return pa.RecordBatchReader._import_from_c(c.addressof(stream)).read_all()

    def delete(self, predicate):
        count = c.c_uint64()
        self.call("lance_dataset_delete", encoded(predicate), c.byref(count))
        return count.value

    def update(self, values, predicate=None):
        count = c.c_uint64()
        self.call("lance_dataset_update", encoded(predicate), text_list(list(values)),
                  text_list(list(values.values())), c.c_size_t(len(values)), c.byref(count))
        return count.value

    def merge_insert(self, on, rows, when_matched="do_nothing", when_not_matched="insert_all",
                     by_source="keep", matched_expr=None, by_source_expr=None):
        """(inserted, updated, deleted)"""
        stream, result = ArrowStruct(), Numbers()
        rows.to_reader()._export_to_c(c.addressof(stream))
        params = MergeParams(WHEN_MATCHED[when_matched], encoded(matched_expr), WHEN_NOT_MATCHED[when_not_matched],
                             BY_SOURCE[by_source], encoded(by_source_expr))
        self.call("lance_dataset_merge_insert", text_list(on), c.c_size_t(len(on)), c.byref(stream),
                  c.byref(params), c.byref(result))
        return tuple(result.values[:3])

    def compact(self, target_rows_per_fragment=0):
        """(fragments removed, fragments added, files removed, files added)"""
        options, result = Numbers((c.c_uint64 * 5)(target_rows_per_fragment)), Numbers()
        self.call("lance_dataset_compact_files", c.byref(options), c.byref(result))
        return tuple(result.values[:4])

    def add_columns(self, expressions):
        columns = (SqlColumn * len(expressions))(*[(encoded(n), encoded(e)) for n, e in expressions.items()])
        self.call("lance_dataset_add_columns_sql", columns, c.c_size_t(len(expressions)), c.c_uint64(0))

    def add_null_columns(self, schema):
        exported = ArrowStruct()
        schema._export_to_c(c.addressof(exported))
        try:
            self.call("lance_dataset_add_columns_nulls", c.byref(exported))
        finally:
            pa.Schema._import_from_c(c.addressof(exported))

    def add_columns_from(self, rows):
        stream = ArrowStruct()
        rows.to_reader()._export_to_c(c.addressof(stream))
        self.call("lance_dataset_add_columns_stream", c.byref(stream), c.c_uint64(0))

    def drop_columns(self, names):
        self.call("lance_dataset_drop_columns", text_list(names), c.c_size_t(len(names)))

    def alter_column(self, path, rename=None, nullable=None, type=None):
        exported = ArrowStruct()
        if type is not None:
            pa.field("", type)._export_to_c(c.addressof(exported))
        mode = {None: 0, True: 1, False: 2}[nullable]
        alteration = Alteration(encoded(path), encoded(rename), mode, None if type is None else c.addressof(exported))
        try:
            self.call("lance_dataset_alter_columns", c.byref(alteration), c.c_size_t(1))
        finally:
            if type is not None:
                pa.Field._import_from_c(c.addressof(exported))

    def create_index(self, column, name=None, replace=False):
        self.call("lance_dataset_create_scalar_index", encoded(column), encoded(name), c.c_int(1), None,
                  c.c_bool(replace))

    def drop_index(self, name):
        self.call("lance_dataset_drop_index", encoded(name))

    def indices(self):
        return json.loads(self.library.text(self.call("lance_dataset_index_list_json")))
