"""Tagged rows -> files: the input's columns as they were, then the answer's."""

from __future__ import annotations

import codecs
import csv
import datetime
import gzip
import io
import json
import math
import os
import re
import sys
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Protocol

from treatytag.errors import InputError
from treatytag.rows import Row, Source, format_of, needed, split_suffix

_ERRORS = "treatytag"
_EXCEL_MAX_CELL = 32_767
_EXCEL_MAX_ROWS = 1_048_576
_EXCEL_MAX_INTEGER = 10**15  # its numbers have 15 digits
_EXCEL_ESCAPED = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\r]|_(?=x[0-9A-Fa-f]{4}_)")
_EXCEL_FORBIDDEN = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
_PARQUET_ROWS = 4096


class Writer(Protocol):
    """Takes rows one by one; `close` completes the file."""

    def write(self, row: Row, answer: Sequence[Any]) -> dict[str, Any]:
        """Write one row and its answer; return the values that did not go in whole, by column."""

    def close(self) -> None:
        """Complete and close the file."""

    def abandon(self) -> None:
        """Let go of a file that will not be completed; never fails."""


def open_writer(path: Path | None, name: Path, source: Source, answer: dict[str, type]) -> Writer:
    """Open a file for tagged rows.

    Args:
        path: where to write; None for standard output.
        name: the final name, whose ending decides the format (`path` may be a temporary one).
        source: the input, for its columns and, Parquet to Parquet, its types.
        answer: columns added, with their Python types.

    Raises:
        InputError: the name's ending is no known format.
        OSError: the file can't be written.
    """
    columns = [*source.columns, *answer]
    format_ = format_of(name)
    if format_ == "parquet":
        return _ParquetWriter(_required(path, name), source, answer)
    if format_ == "xlsx":
        return _ExcelWriter(_required(path, name), columns, source.columns)
    stream = _open_text(path, split_suffix(name)[1])
    if format_ == "jsonl":
        return _JsonlWriter(stream, list(answer))
    delimiter = "\t" if split_suffix(name)[0] == ".tsv" else ","
    # A cell that was text elsewhere must not become a formula by our writing it into a CSV.
    return _CsvWriter(stream, source.columns, list(answer), delimiter, guard=source.format != "csv")


def _encode(error: UnicodeError) -> tuple[bytes, int]:
    """Encode what UTF-8 can't: bytes that could not be decoded as they came, other lone surrogates as U+FFFD."""
    assert isinstance(error, UnicodeEncodeError)
    codes = map(ord, error.object[error.start : error.end])
    return b"".join(bytes([c - 0xDC00]) if 0xDC80 <= c <= 0xDCFF else b"\xef\xbf\xbd" for c in codes), error.end


codecs.register_error(_ERRORS, _encode)


def _required(path: Path | None, name: Path) -> Path:
    if path is None:
        raise InputError(f"{name.suffix} can't be written to a pipe; give a file with --output, or use CSV or JSONL.")
    return path


def _open_text(path: Path | None, compression: str) -> IO[str]:
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", errors=_ERRORS, newline="")  # type: ignore[union-attr]
        return sys.stdout
    raw: IO[bytes]
    if compression == ".gz":
        # no time stamp and no name inside, so that the same rows give the same bytes
        packed = path.open("wb")
        raw = gzip.GzipFile(fileobj=packed, filename="", mode="wb", mtime=0)  # type: ignore[assignment]
        raw.myfileobj = packed  # type: ignore[attr-defined]  # so that it is closed with it, and an error then is heard
    elif compression == ".zst":
        raw = needed("zstandard", "zstd").open(path, "wb")
    else:
        raw = path.open("wb")
    return io.TextIOWrapper(raw, encoding="utf-8", errors=_ERRORS, newline="")


def guarded(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: a leading apostrophe where it would."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


class _CsvWriter:
    def __init__(
        self, stream: IO[str], columns: Sequence[str], answer: Sequence[str], delimiter: str, guard: bool
    ) -> None:
        self._stream, self._columns, self._guard = stream, columns, guard
        # RFC 4180's line end; with "\n" alone, Python leaves a cell with a lone "\r" unquoted and it breaks the row
        self._csv = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
        self._csv.writerow([*(map(guarded, columns) if guard else columns), *answer])

    def write(self, row: Row, answer: Sequence[Any]) -> dict[str, Any]:
        get = row.values.get
        cells = [_cell(get(column, "")) for column in self._columns]
        if self._guard:
            cells = [guarded(cell) for cell in cells]
        self._csv.writerow([*cells, *answer])
        return {}

    def close(self) -> None:
        _close(self._stream)

    def abandon(self) -> None:
        _abandon(self._stream)


class _JsonlWriter:
    def __init__(self, stream: IO[str], answer: Sequence[str]) -> None:
        self._stream, self._answer = stream, answer

    def write(self, row: Row, answer: Sequence[Any]) -> dict[str, Any]:
        values = row.values | dict(zip(self._answer, answer, strict=True))
        line = json.dumps(values, ensure_ascii=False, default=_simple)
        if not line.isascii():
            # lone surrogates from JSON escapes can't be UTF-8: keep them as escapes
            line = "".join(
                f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" and not "\udc80" <= c <= "\udcff" else c for c in line
            )
        self._stream.write(line + "\n")
        return {}

    def close(self) -> None:
        _close(self._stream)

    def abandon(self) -> None:
        _abandon(self._stream)


class _ParquetWriter:
    """Rows read from Parquet go over as Arrow has them; those of other formats as strings."""

    def __init__(self, path: Path, source: Source, answer: dict[str, type]) -> None:
        self._arrow, parquet = needed("pyarrow", "parquet"), needed("pyarrow.parquet", "parquet")
        kinds = {str: self._arrow.string(), float: self._arrow.float64(), bool: self._arrow.bool_()}
        self._columns = source.columns
        self._is_arrow = source.schema is not None
        text = self._arrow.string()
        self._given = source.schema if self._is_arrow else self._arrow.schema([(_text(c), text) for c in self._columns])
        self._answer = [self._arrow.field(_text(column), kinds[kind]) for column, kind in answer.items()]
        schema = self._given
        for field in self._answer:
            schema = schema.append(field)
        self._schema = schema
        self._file = parquet.ParquetWriter(path, schema)
        self._rows: list[Any] = []
        self._answers: list[Sequence[Any]] = []

    def write(self, row: Row, answer: Sequence[Any]) -> dict[str, Any]:
        self._rows.append(row.place if self._is_arrow else [_text(row.values.get(column)) for column in self._columns])
        self._answers.append([_text(value) if isinstance(value, str) else value for value in answer])
        if len(self._rows) == _PARQUET_ROWS:
            self._flush()
        return {}

    def _flush(self) -> None:
        columns: list[Any]
        if self._is_arrow:
            slices = []
            for _, places in groupby(self._rows, key=lambda place: id(place[0])):
                (batch, first), *others = places
                slices.append(batch.slice(first, 1 + len(others)))
            columns = list(self._arrow.Table.from_batches(slices).columns)
        else:
            columns = [self._arrow.array(cells, self._arrow.string()) for cells in zip(*self._rows, strict=True)]
        answers = zip(self._answer, zip(*self._answers, strict=True), strict=True)
        columns += [self._arrow.array(values, field.type) for field, values in answers]
        self._file.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._rows.clear()
        self._answers.clear()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._file.close()

    def abandon(self) -> None:
        with suppress(Exception):
            self._file.close()


class _ExcelWriter:
    def __init__(self, path: Path, columns: Sequence[str], given: Sequence[str]) -> None:
        openpyxl = needed("openpyxl", "excel")
        self._path, self._columns, self._given = path, columns, given
        self._status = next(i for i in range(len(given), len(columns)) if columns[i].endswith("status"))
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("tagged")
        self._count = 0
        self._append(columns)

    def write(self, row: Row, answer: Sequence[Any]) -> dict[str, Any]:
        get = row.values.get
        values = [*(_plain(get(column)) for column in self._given), *answer]
        return self._append(values)

    def _append(self, values: Sequence[Any]) -> dict[str, Any]:
        self._count += 1
        if self._count > _EXCEL_MAX_ROWS:
            raise InputError(f"an Excel sheet holds {_EXCEL_MAX_ROWS} rows; write CSV or Parquet.")
        values = [_for_excel(value) for value in values]
        cut: dict[str, Any] = {}
        for i, value in enumerate(values):
            if isinstance(value, str) and _is_too_long(value):
                cut[self._columns[i]] = value
                values[i] = _cut(value)
        if cut and self._count > 1:
            status = values[self._status]
            joint = "; " if ": " in status else ": "
            values[self._status] = f"{status}{joint}cut to what an Excel cell holds: {', '.join(cut)}"[:1000]
        self._sheet.append([self._cell(value) for value in values])
        return cut

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        from openpyxl.cell import WriteOnlyCell

        cell = WriteOnlyCell(self._sheet, value=_escaped(value))
        cell.data_type = "s"  # a string, also where it starts with "="
        return cell

    def close(self) -> None:
        from openpyxl.writer.excel import ExcelWriter

        archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED)
        file = archive.fp
        try:
            ExcelWriter(self._book, archive).save()
        except BaseException:
            archive.fp = None  # or it would try again when it is collected, and complain
            with suppress(Exception):
                assert file is not None
                file.close()
            raise

    def abandon(self) -> None:
        with suppress(Exception):
            self._sheet.close()
        with suppress(Exception):
            self._sheet._writer.cleanup()


def _for_excel(value: Any) -> Any:
    """Return a value that an Excel cell can hold, or its text."""
    if isinstance(value, str):
        return _EXCEL_FORBIDDEN.sub("\ufffd", value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < _EXCEL_MAX_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if _is_excel_time(value) else _for_excel(str(_simple(value)))


def _is_excel_time(value: Any) -> bool:
    """Tell whether a value is a date or time that Excel knows: after its faulty year 1900, without zone."""
    if isinstance(value, datetime.date):
        return value.year > 1900 and getattr(value, "tzinfo", None) is None
    return isinstance(value, datetime.time) and value.tzinfo is None


def _is_too_long(text: str) -> bool:
    return 7 * len(text) > _EXCEL_MAX_CELL and _excel_length(_escaped(text)) > _EXCEL_MAX_CELL


def _excel_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str) -> str:
    """Return the longest beginning that an Excel cell holds."""
    text = text[:_EXCEL_MAX_CELL]
    while (surplus := _excel_length(_escaped(text)) - _EXCEL_MAX_CELL) > 0:
        text = text[: -max(1, surplus // 7)]
    return text


def _escaped(text: str) -> str:
    return _EXCEL_ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _plain(value: Any) -> Any:
    """Return a cell value: nested data as JSON, what is neither text nor number as text; dates stay for Excel."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_simple)
    return value


def _cell(value: Any) -> Any:
    value = _plain(value)
    return value if value is None or isinstance(value, str | int | float) else _simple(value)


def _simple(value: Any) -> str:
    """Return a value that is neither text nor number as text: dates in ISO 8601, bytes as UTF-8 or else in hex."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.hex()
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    value = _plain(value)
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    elif not isinstance(value, str):
        value = _simple(value)
    return str(value.encode("utf-8", errors="replace").decode("utf-8"))


def _close(stream: IO[str]) -> None:
    if stream is sys.stdout:
        stream.flush()
    else:
        stream.close()


def _abandon(stream: IO[str]) -> None:
    with suppress(Exception):
        stream.close()


def abandon_stdout() -> None:
    """Let go of a standard output that can't be written: Python flushes it at exit, and would complain again."""
    with suppress(Exception):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
