"""Files of reports -> a `Source`: a stream of rows, one per row of the file, in order, readable or not.

CSV goes through the standard library and JSONL through one parse per line, because pyarrow and polars give up
a whole file at its first bad byte, ragged row or oversized cell, and here such a row must cost only itself.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

from treatytag.csv_rows import STRAY_QUOTE, Record, Records, told_delimiter
from treatytag.errors import InputError
from treatytag.rows import (
    MAX_TEXT,
    ReadOptions,
    Row,
    Source,
    column_names,
    find_text_column,
    format_of,
    needed,
    row_of,
    split_suffix,
)
from treatytag.tables import open_parquet, open_xlsx

__all__ = [
    "ReadOptions",
    "Row",
    "Source",
    "find_encoding",
    "find_text_column",
    "format_of",
    "listing",
    "needed",
    "open_source",
]

_SAMPLE = 1_000_000
_DELIMITERS = ",;\t|"
# How files begin whose names should not end in .csv or .jsonl, and what to do with them.
_MARKS = {
    b"\x1f\x8b": ("gzip data", "end in .csv.gz or .jsonl.gz"),
    b"\x28\xb5\x2f\xfd": ("Zstandard data", "end in .csv.zst or .jsonl.zst"),
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "end in .xlsx, or unpack it"),
    b"PAR1": ("Parquet data", "end in .parquet"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "end in .xls, open it in Excel and save it as .xlsx"),
}


def open_source(path: Path, options: ReadOptions) -> Source:
    """Open a file, or a folder of `.txt` files, of reports.

    Raises:
        InputError: the file can't be read at all, or has no column of reports.
    """
    try:
        if path.is_dir():
            return _open_folder(path, options)
        opener: Callable[[Path, ReadOptions], Source] = {
            "csv": _open_csv,
            "jsonl": _open_jsonl,
            "parquet": open_parquet,
            "xlsx": open_xlsx,
        }[format_of(path)]
        source = opener(path, options)
        return replace(source, rows=_readable(source.rows, path))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check the path.") from error
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror or error}); check the file and its permissions."
        ) from error
    except InputError:
        raise
    except Exception as error:  # every decompressor and parser has errors of its own
        raise InputError(f"{path} can't be read ({error}); it is damaged or of another format.") from error


def _readable(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    try:
        yield from rows
    except Exception as error:  # as in open_source
        raise InputError(f"{path} can't be read to its end ({error}); it is damaged or cut short.") from error


def _unpacked(raw: IO[bytes], path: Path) -> IO[bytes]:
    _, compression = split_suffix(path)
    if compression == ".gz":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if compression == ".zst":
        return needed("zstandard", "zstd").ZstdDecompressor().stream_reader(raw, read_across_frames=True)  # type: ignore[no-any-return]
    return raw


def find_encoding(sample: bytes) -> str:
    """Return the encoding of a file from its first bytes: by its mark, UTF-8 if it fits, else the likeliest."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if sample.startswith(mark):
            return encoding
    bad = sample.decode("utf-8", errors="replace").count("\ufffd")
    high = len(sample.translate(None, delete=bytes(range(128))))
    if bad <= max(1, high // 20):  # a stray byte in UTF-8 is a damaged row, not another encoding
        return "utf-8"
    from charset_normalizer import from_bytes

    matches = from_bytes(sample)
    best = matches.best()
    # Western, Baltic and Central European code pages often tie; the Western one is by far the commonest.
    if best is None or any(m.encoding == "cp1252" and m.coherence >= best.coherence for m in matches):
        return "cp1252"
    return best.encoding


def _open_text(path: Path, options: ReadOptions) -> tuple[IO[str], Callable[[], float]]:
    """Open a text file; return it and how much of it, packed as it is, has been read."""
    encoding = options.encoding
    if encoding is None:
        with path.open("rb") as raw:
            encoding = find_encoding(_unpacked(raw, path).read(_SAMPLE))
    size = max(path.stat().st_size, 1)
    raw = path.open("rb")
    # surrogateescape: a byte that can't be decoded is written back as it came
    try:
        text = io.TextIOWrapper(_unpacked(raw, path), encoding=encoding, errors="surrogateescape", newline="")
    except LookupError as error:
        raise InputError(f"there is no encoding {encoding!r}; give one such as utf-8, cp1252 or utf-16.") from error
    return text, lambda: 1.0 if raw.closed else raw.tell() / size


def _open_csv(path: Path, options: ReadOptions) -> Source:
    _refuse_other_content(path)
    file, fraction = _open_text(path, options)
    first = file.readline()
    told = told_delimiter(first)
    if told is not None:
        first = file.readline()
    delimiter = options.delimiter or told
    if delimiter is None:
        delimiter = "\t" if split_suffix(path)[0] == ".tsv" else max(_DELIMITERS, key=first.count)
    try:
        records = Records(chain([first], file), delimiter)
        header = records.header()
    except (csv.Error, TypeError, ValueError) as error:
        raise InputError(f"{path} has no header row, or its delimiter is not one character; check both.") from error
    if not header:
        raise InputError(f"{path} has no header row; the first line must name the columns.")
    columns = column_names(path, header)
    text_column = find_text_column(columns, options.text_column)
    rows = (_csv_row(record, columns, text_column) for record in records.of(len(columns)))
    return Source(columns, rows, "csv", fraction=fraction)


def _csv_row(record: Record, columns: list[str], text_column: str) -> Row:
    cells = record.cells
    values: dict[str, Any] = dict(zip(columns, cells, strict=False))
    if record.raw is not None and record.problem != STRAY_QUOTE:
        return Row(values, None, record.problem, record.raw)
    if len(cells) != len(columns):
        return Row(values, None, f"ragged row: {len(cells)} cells for {len(columns)} columns", cells)
    row = row_of(values, text_column)
    if record.problem and row.status == "ok":
        row.status = record.problem
    row.raw = record.raw
    return row


def _refuse_other_content(path: Path) -> None:
    """Refuse a CSV or JSONL name on a file of quite another kind, which would come out as rows of rubbish."""
    with path.open("rb") as raw:
        start = _unpacked(raw, path).read(8)
    for mark, (kind, ending) in _MARKS.items():
        if start.startswith(mark):
            raise InputError(f"{path} holds {kind} in spite of its name; rename it to {ending}.")


def _open_jsonl(path: Path, options: ReadOptions) -> Source:
    _refuse_other_content(path)
    columns: dict[str, None] = {}
    first_pass, _ = _open_text(path, options)
    with first_pass:
        for line in first_pass:
            columns.update(dict.fromkeys(_parse_object(line)[0]))
    if not columns:
        raise InputError(f'{path} holds no JSON object; each line must be one, such as {{"text": "..."}}.')
    text_column = find_text_column(list(columns), options.text_column)
    file, fraction = _open_text(path, options)
    return Source(list(columns), _jsonl_rows(file, text_column), "jsonl", fraction=fraction)


def _parse_object(line: str) -> tuple[dict[str, Any], str]:
    """Return the object on a line and "", or {} and why there is none."""
    try:
        value = json.loads(line)
    except RecursionError:
        return {}, "JSON nested too deeply"
    except ValueError as error:
        return {}, f"not JSON: {error}"
    if not isinstance(value, dict):
        return {}, f"not a JSON object but a {type(value).__name__}"
    return value, ""


def _jsonl_rows(file: IO[str], text_column: str) -> Iterator[Row]:
    for line in file:
        if line.strip():
            values, problem = _parse_object(line)
            yield Row({}, None, problem, line.rstrip("\r\n")) if problem else row_of(values, text_column)


def _texts_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".txt")


def listing(folder: Path) -> str:
    """Return a digest of the names, sizes and times of a folder's texts."""
    files: list[tuple[object, ...]] = []
    for path in _texts_of(folder):
        name = path.relative_to(folder).as_posix()
        try:
            stat = path.stat()
            files.append((name, stat.st_size, stat.st_mtime_ns))
        except OSError as error:  # a link to nowhere costs only its row
            files.append((name, error.errno))
    return hashlib.sha256(repr(files).encode("utf-8", "surrogateescape")).hexdigest()


def _open_folder(path: Path, options: ReadOptions) -> Source:
    files = _texts_of(path)
    if not files:
        raise InputError(f"{path} holds no .txt file; give a folder of them, or a CSV, JSONL, Parquet or Excel file.")

    def rows() -> Iterator[Row]:
        for file in files:
            name = file.relative_to(path).as_posix()
            try:
                opened, _ = _open_text(file, options)
                with opened:
                    row = row_of({"file": name, "text": opened.read(MAX_TEXT + 1)}, "text")
            except OSError as error:
                row = Row({"file": name}, None, f"can't be read: {error.strerror}")
            yield row

    return Source(["file", "text"], rows(), "txt")
