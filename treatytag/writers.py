"""Tagged rows -> files: the input's columns as they were, then the answer's."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from treatytag.errors import InputError
from treatytag.rows import Source, format_of, needed, split_suffix

_EXCEL_MAX_CELL = 32_767
_EXCEL_MAX_ROWS = 1_048_576
_PARQUET_ROWS = 4096


class Writer(Protocol):
    """Takes rows one by one; `close` completes the file."""

    def write(self, values: dict[str, Any]) -> None:
        """Write one row: column -> value."""

    def close(self) -> None:
        """Complete and close the file."""


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
        return _ExcelWriter(_required(path, name), columns)
    stream = _open_text(path, split_suffix(name)[1])
    if format_ == "jsonl":
        return _JsonlWriter(stream)
    delimiter = "\t" if split_suffix(name)[0] == ".tsv" else ","
    # A cell that was text elsewhere must not become a formula by our writing it into a CSV.
    return _CsvWriter(stream, columns, delimiter, guard=source.format != "csv")


def _required(path: Path | None, name: Path) -> Path:
    if path is None:
        raise InputError(f"{name.suffix} can't be written to a pipe; give a file with --output, or use CSV or JSONL.")
    return path


def _open_text(path: Path | None, compression: str) -> IO[str]:
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")  # type: ignore[union-attr]
        return sys.stdout
    raw: IO[bytes]
    if compression == ".gz":
        # no time stamp and no name inside, so that the same rows give the same bytes
        raw = gzip.GzipFile(fileobj=path.open("wb"), filename="", mode="wb", mtime=0)  # type: ignore[assignment]
    elif compression == ".zst":
        raw = needed("zstandard", "zstd").open(path, "wb")
    else:
        raw = path.open("wb")
    return io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")


def guarded(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: a leading apostrophe where it would."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


class _CsvWriter:
    def __init__(self, stream: IO[str], columns: Sequence[str], delimiter: str, guard: bool) -> None:
        self._stream, self._columns, self._guard = stream, columns, guard
        # RFC 4180's line end; with "\n" alone, Python leaves a cell with a lone "\r" unquoted and it breaks the row
        self._csv = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
        self._csv.writerow(columns)

    def write(self, values: dict[str, Any]) -> None:
        cells = [_plain(values.get(column, "")) for column in self._columns]
        self._csv.writerow([guarded(cell) for cell in cells] if self._guard else cells)

    def close(self) -> None:
        _close(self._stream)


class _JsonlWriter:
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, values: dict[str, Any]) -> None:
        line = json.dumps(values, ensure_ascii=False, default=str)
        if "\\ud" in line or not line.isascii():
            # lone surrogates from JSON escapes can't be UTF-8: keep them as escapes
            line = "".join(
                f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" and not "\udc80" <= c <= "\udcff" else c for c in line
            )
        self._stream.write(line + "\n")

    def close(self) -> None:
        _close(self._stream)


class _ParquetWriter:
    def __init__(self, path: Path, source: Source, answer: dict[str, type]) -> None:
        pyarrow, parquet = needed("pyarrow", "parquet"), needed("pyarrow.parquet", "parquet")
        kinds = {str: pyarrow.string(), float: pyarrow.float64(), bool: pyarrow.bool_()}
        given = source.schema or pyarrow.schema([(column, pyarrow.string()) for column in source.columns])
        self._schema = given
        for column, kind in answer.items():
            self._schema = self._schema.append(pyarrow.field(column, kinds[kind]))
        self._as_text = set() if source.schema is not None else set(source.columns)
        self._table = pyarrow.Table.from_pylist
        self._file = parquet.ParquetWriter(path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, values: dict[str, Any]) -> None:
        self._rows.append({k: _text(v) if k in self._as_text else v for k, v in values.items()})
        if len(self._rows) == _PARQUET_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._file.write_table(self._table(self._rows, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._file.close()


class _ExcelWriter:
    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        openpyxl = needed("openpyxl", "excel")
        self._path, self._columns = path, columns
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("tagged")
        self._count = 0
        self.write(dict(zip(columns, columns, strict=True)))

    def write(self, values: dict[str, Any]) -> None:
        self._count += 1
        if self._count > _EXCEL_MAX_ROWS:
            raise InputError(f"an Excel sheet holds {_EXCEL_MAX_ROWS} rows; write CSV or Parquet.")
        self._sheet.append([self._cell(_plain(values.get(column))) for column in self._columns])

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.utils.escape import escape

        value = escape(value.encode("utf-8", errors="replace").decode("utf-8"))
        if len(value) > _EXCEL_MAX_CELL:
            raise InputError(
                f"an Excel cell holds {_EXCEL_MAX_CELL} characters and a text is longer; write CSV or Parquet."
            )
        cell = WriteOnlyCell(self._sheet, value=value)
        cell.data_type = "s"  # a string, also where it starts with "="
        return cell

    def close(self) -> None:
        self._book.save(self._path)


def _plain(value: Any) -> Any:
    """Return a cell value: nested data as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _close(stream: IO[str]) -> None:
    if stream is sys.stdout:
        stream.flush()
    else:
        stream.close()
