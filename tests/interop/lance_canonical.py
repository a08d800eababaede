"""The canonical JSON lines of a table, as `lance-tool dump` prints them, from Arrow data.

The form is that of format/arrow/canonical_json.h: one object a row, columns in schema order; floats in
the shortest scientific form; binary as hexadecimal digits; temporal values as the stored integer;
decimals as text. Nothing here writes to a dataset.
"""

from __future__ import annotations

import json
import math
from typing import Any, Iterable, Iterator, Optional, Sequence

import lance
import numpy as np
import pyarrow as pa


def canon_string(value: str) -> str:
    """JSON string; only the quote, the backslash and U+0000..U+001F are escaped."""
    return json.dumps(value, ensure_ascii=False)


def _scientific(mantissa_digits: str, exponent: int, negative: bool) -> str:
    digits = mantissa_digits.rstrip("0") or "0"
    body = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    sign = "-" if exponent < 0 else "+"
    return f"{'-' if negative else ''}{body}e{sign}{abs(exponent):02d}"


def canon_float64(value: float) -> str:
    """Shortest round-trip digits in ``d.ddde±XX`` form (C++ ``chars_format::scientific``)."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    text = repr(float(value))
    negative = text.startswith("-")
    text = text.lstrip("-")
    mantissa, _, exp_text = text.partition("e")
    exponent = int(exp_text) if exp_text else 0
    whole, _, frac = mantissa.partition(".")
    if frac == "0" and not exp_text:
        frac = ""
    digits = whole + frac
    stripped = digits.lstrip("0")
    if not stripped:
        return f"{'-' if negative else ''}0e+00"
    exponent += len(whole) - 1 - (len(digits) - len(stripped))
    return _scientific(stripped, exponent, negative)


def canon_float32(value: "np.float32 | float") -> str:
    """As :func:`canon_float64`, but shortest among the decimals that round to this binary32."""
    number = np.float32(value)
    if np.isnan(number):
        return '"NaN"'
    if np.isinf(number):
        return '"Infinity"' if number > 0 else '"-Infinity"'
    if number == 0:
        return "-0e+00" if np.signbit(number) else "0e+00"
    return np.format_float_scientific(number, unique=True, trim="-", exp_digits=2)


def canon_decimal(unscaled: int, scale: int) -> str:
    """Plain notation in a JSON string, always with exactly ``scale`` fraction digits."""
    sign = "-" if unscaled < 0 else ""
    digits = str(abs(unscaled))
    if scale <= 0:
        return f'"{sign}{digits}{"0" * -scale if unscaled else ""}"'
    digits = digits.rjust(scale + 1, "0")
    return f'"{sign}{digits[:-scale]}.{digits[-scale:]}"'


# --------------------------------------------------------------------------
# arrays
# --------------------------------------------------------------------------


def _with_nulls(arr: pa.Array, texts: Iterable[str]) -> list[str]:
    if arr.null_count == 0:
        return list(texts)
    return [t if ok else "null" for t, ok in zip(texts, arr.is_valid().to_pylist())]


def _to_int(arr: pa.Array, target: pa.DataType) -> list[Optional[int]]:
    return arr.view(target).to_pylist()


def _decimal_unscaled(arr: pa.Array, width: int) -> list[int]:
    data = arr.buffers()[1]
    if data is None:
        return [0] * len(arr)
    raw = data.to_pybytes()
    base = arr.offset * width
    return [
        int.from_bytes(raw[base + i * width : base + (i + 1) * width], "little", signed=True)
        for i in range(len(arr))
    ]


def canon_array(arr: "pa.Array | pa.ChunkedArray") -> list[str]:
    """The canonical JSON text of every element, in order."""
    if isinstance(arr, pa.ChunkedArray):
        return [text for chunk in arr.chunks for text in canon_array(chunk)]
    t = arr.type
    if isinstance(arr, pa.ExtensionArray):
        return canon_array(arr.storage)
    if pa.types.is_null(t):
        return ["null"] * len(arr)
    if pa.types.is_dictionary(t):
        return canon_array(arr.dictionary_decode())
    if pa.types.is_boolean(t):
        return [{True: "true", False: "false", None: "null"}[v] for v in arr.to_pylist()]
    if pa.types.is_integer(t):
        return ["null" if v is None else str(v) for v in arr.to_pylist()]
    if pa.types.is_float16(t) or pa.types.is_float32(t):
        values = arr.to_numpy(zero_copy_only=False)
        with np.errstate(invalid="ignore"):
            values = np.where(np.array(arr.is_valid()), values, 0).astype(np.float32)
        return _with_nulls(arr, map(canon_float32, values))
    if pa.types.is_float64(t):
        return ["null" if v is None else canon_float64(v) for v in arr.to_pylist()]
    if pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t):
        return ["null" if v is None else canon_string(v) for v in arr.to_pylist()]
    if (
        pa.types.is_binary(t)
        or pa.types.is_large_binary(t)
        or pa.types.is_fixed_size_binary(t)
        or pa.types.is_binary_view(t)
    ):
        return ["null" if v is None else f'"{v.hex()}"' for v in arr.to_pylist()]
    if pa.types.is_date32(t) or pa.types.is_time32(t):
        return ["null" if v is None else str(v) for v in _to_int(arr, pa.int32())]
    if pa.types.is_temporal(t):
        return ["null" if v is None else str(v) for v in _to_int(arr, pa.int64())]
    if pa.types.is_decimal(t):
        unscaled = _decimal_unscaled(arr, t.bit_width // 8)
        return _with_nulls(arr, (canon_decimal(v, t.scale) for v in unscaled))
    if pa.types.is_struct(t):
        columns = [
            (canon_string(t.field(i).name), canon_array(arr.field(i))) for i in range(t.num_fields)
        ]
        texts = (
            "{" + ",".join(f"{name}:{col[i]}" for name, col in columns) + "}"
            for i in range(len(arr))
        )
        return _with_nulls(arr, texts)
    if pa.types.is_map(t):
        offsets = arr.offsets.to_pylist()
        keys, items = canon_array(arr.keys), canon_array(arr.items)
        texts = (
            "[" + ",".join(f"[{keys[k]},{items[k]}]" for k in range(offsets[i], offsets[i + 1])) + "]"
            for i in range(len(arr))
        )
        return _with_nulls(arr, texts)
    if pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_fixed_size_list(t):
        items = canon_array(arr.flatten())
        if pa.types.is_fixed_size_list(t):
            lengths: Iterator[Optional[int]] = iter(
                [t.list_size if ok else None for ok in arr.is_valid().to_pylist()]
            )
        else:
            lengths = iter(arr.value_lengths().to_pylist())
        out, pos = [], 0
        for length in lengths:
            if length is None:
                out.append("null")
            else:
                out.append("[" + ",".join(items[pos : pos + length]) + "]")
                pos += length
        return out
    raise TypeError(f"no canonical form for Arrow type {t}")


def row_lines(names: Sequence[str], columns: Sequence[list[str]], num_rows: int) -> Iterator[str]:
    """One canonical JSON object per row, keys in the given column order."""
    keys = [canon_string(n) + ":" for n in names]
    for i in range(num_rows):
        yield "{" + ",".join(k + c[i] for k, c in zip(keys, columns)) + "}"


def has_blobs(schema: pa.Schema) -> bool:
    """Whether any top-level column is a v1 or v2 blob column."""
    for field in schema:
        if (field.metadata or {}).get(b"lance-encoding:blob") == b"true":
            return True
        if isinstance(field.type, pa.ExtensionType) and field.type.extension_name == "lance.blob.v2":
            return True
    return False


def dump_lines(ds: "lance.LanceDataset") -> Iterator[str]:
    """The canonical line of every row, in scan order."""
    options: dict[str, Any] = {"blob_handling": "all_binary"} if has_blobs(ds.schema) else {}
    table = ds.scanner(scan_in_order=True, **options).to_table()
    names = list(ds.schema.names)
    return row_lines(names, [canon_array(table.column(n)) for n in names], table.num_rows)
