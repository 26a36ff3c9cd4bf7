"""Files of reports -> a stream of `Row`: one per row of the file, in order, readable or not.

CSV goes through the standard library and JSONL through one parse per line, because pyarrow and polars give up
a whole file at its first bad byte, ragged row or oversized cell, and here such a row must cost only itself.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import IO, Any

from treatytag.errors import InputError

# In order of preference; compared without case, spaces and underscores.
TEXT_COLUMNS = (
    "text",
    "description",
    "summary",
    "narrative",
    "complaint",
    "report",
    "incident",
    "details",
    "content",
    "body",
    "message",
    "facts",
    "notes",
)
# A longer "report" is a dump or an unclosed quote; tagging it would say nothing about its parts.
MAX_TEXT = 1_000_000
_MAX_CELL = 10_000_000
_SAMPLE = 1_000_000
_DELIMITERS = ",;\t|"
_UNDECODABLE = re.compile("[\udc80-\udcff]")

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".xlsx": "xlsx"}
COMPRESSIONS = (".gz", ".zst")


@dataclass(slots=True)
class Row:
    """One row of an input file.

    Attributes:
        values: column -> value as read; {} where nothing could be read.
        text: the report, or None where there is none to tag.
        status: `ok`, `ok: ...` (tagged, with a remark) or why it could not be tagged.
        raw: the row as found, where `values` does not hold all of it.
    """

    values: dict[str, Any]
    text: str | None
    status: str = "ok"
    raw: Any = None


@dataclass(frozen=True)
class ReadOptions:
    """How to read: each None is found out from the file.

    Attributes:
        text_column: name of the column that holds the report.
        delimiter: one character, for CSV.
        encoding: a Python codec name, for CSV, JSONL and text files.
    """

    text_column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Source:
    """An opened input.

    Attributes:
        columns: input columns in order; for JSONL those of the whole file in order of appearance.
        rows: the stream; to be consumed once.
        format: `csv`, `jsonl`, `parquet`, `xlsx` or `txt`.
        schema: the Arrow schema of a Parquet file, else None.
        fraction: tells how much of the input has been read, in [0, 1]; 0 where that can't be told.
    """

    columns: list[str]
    rows: Iterator[Row]
    format: str
    schema: Any = None
    fraction: Callable[[], float] = lambda: 0.0


def split_suffix(path: Path) -> tuple[str, str]:
    """Return the format suffix and the compression suffix ("" if none): `a.csv.gz` -> (".csv", ".gz")."""
    suffix = path.suffix.lower()
    if suffix in COMPRESSIONS:
        return Path(path.stem).suffix.lower(), suffix
    return suffix, ""


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for.

    Raises:
        InputError: the name's ending is none of the known ones.
    """
    suffix, _ = split_suffix(path)
    if suffix not in FORMATS:
        raise InputError(
            f"the ending of {path.name} names no format; use one of {', '.join(FORMATS)} "
            "(CSV and JSONL also with .gz or .zst)."
        )
    return FORMATS[suffix]


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
            "parquet": _open_parquet,
            "xlsx": _open_xlsx,
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


def find_text_column(columns: Sequence[str], wanted: str | None) -> str:
    """Return the column that holds the reports.

    Raises:
        InputError: the wanted column is missing, or none has a usual name.
    """
    named = ", ".join(columns) or "none"
    if wanted is not None:
        if wanted in columns:
            return wanted
        raise InputError(f"there is no column {wanted!r}; the columns are {named}.")
    plain = {column.strip().lower().replace(" ", "").replace("_", ""): column for column in reversed(columns)}
    for name in TEXT_COLUMNS:
        if name in plain:
            return plain[name]
    raise InputError(f"no column looks like the report text; name one with --text-column (the columns are {named}).")


def _unpacked(raw: IO[bytes], path: Path) -> IO[bytes]:
    _, compression = split_suffix(path)
    if compression == ".gz":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if compression == ".zst":
        return needed("zstandard", "zstd").ZstdDecompressor().stream_reader(raw, read_across_frames=True)  # type: ignore[no-any-return]
    return raw


def needed(module: str, extra: str) -> Any:
    """Import an optional module.

    Raises:
        InputError: it is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"this needs {module.partition('.')[0]}; install treatytag[{extra}].") from error


def find_encoding(sample: bytes) -> str:
    """Return the encoding of a file from its first bytes: by its mark, UTF-8 if it fits, else the likeliest."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if sample.startswith(mark):
            return encoding
    bad = sum(char == "\ufffd" for char in sample.decode("utf-8", errors="replace"))
    high = sum(byte > 127 for byte in sample)
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


def _row(values: dict[str, Any], text_column: str) -> Row:
    text = values.get(text_column)
    if text is None or text == "" or (isinstance(text, str) and not text.strip()):
        return Row(values, None, "no text")
    if not isinstance(text, str):
        return Row(values, None, f"the text is a {type(text).__name__}, not a string")
    if len(text) > MAX_TEXT:
        return Row(values, None, f"text longer than {MAX_TEXT} characters")
    if not text.isascii() and _UNDECODABLE.search(text):
        return Row(values, text, "ok: undecodable bytes")
    return Row(values, text)


def _open_csv(path: Path, options: ReadOptions) -> Source:
    file, fraction = _open_text(path, options)
    csv.field_size_limit(min(_MAX_CELL, sys.maxsize))
    delimiter = options.delimiter
    first = file.readline()
    if delimiter is None:
        delimiter = "\t" if split_suffix(path)[0] == ".tsv" else max(_DELIMITERS, key=first.count)
    try:
        reader = csv.reader(chain([first], file), delimiter=delimiter)
        columns = next(reader)
    except (StopIteration, csv.Error, TypeError) as error:
        raise InputError(f"{path} has no header row, or its delimiter is not one character; check both.") from error
    if not columns:
        raise InputError(f"{path} has no header row; the first line must name the columns.")
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise InputError(f"{path} has more than one column named {repeated[0]!r}; rename them apart.")
    text_column = find_text_column(columns, options.text_column)
    return Source(columns, _csv_rows(reader, columns, text_column), "csv", fraction=fraction)


def _csv_rows(reader: Any, columns: list[str], text_column: str) -> Iterator[Row]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row({}, None, f"unreadable row, perhaps an unclosed quote ({error})")
            continue
        if not cells:  # a blank line is no row for any CSV reader
            continue
        values = dict(zip(columns, cells, strict=False))
        if len(cells) != len(columns):
            yield Row(values, None, f"ragged row: {len(cells)} cells for {len(columns)} columns", cells)
        else:
            yield _row(values, text_column)


def _open_jsonl(path: Path, options: ReadOptions) -> Source:
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
            yield Row({}, None, problem, line.rstrip("\r\n")) if problem else _row(values, text_column)


def _open_parquet(path: Path, options: ReadOptions) -> Source:
    parquet = needed("pyarrow.parquet", "parquet")
    try:
        file = parquet.ParquetFile(path)
    except (ValueError, OSError) as error:  # Arrow's own errors are subclasses of these
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise InputError(f"{path} is no readable Parquet file ({error}); write it again.") from error
    columns = list(file.schema_arrow.names)
    text_column = find_text_column(columns, options.text_column)

    total = max(file.metadata.num_rows, 1)
    done = 0

    def rows() -> Iterator[Row]:
        nonlocal done
        for batch in file.iter_batches(batch_size=1024):
            for values in batch.to_pylist():
                yield _row(values, text_column)
            done += batch.num_rows

    return Source(columns, rows(), "parquet", file.schema_arrow, lambda: done / total)


def _open_xlsx(path: Path, options: ReadOptions) -> Source:
    openpyxl = needed("openpyxl", "excel")
    try:
        sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0]
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{path} is no readable Excel workbook ({error}); save it as .xlsx or CSV.") from error
    lines = sheet.iter_rows(values_only=True)
    columns = [str(cell) if cell is not None else f"column_{i}" for i, cell in enumerate(next(lines, ()), 1)]
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise InputError(f"{path} has more than one column named {repeated[0]!r}; rename them apart.")
    text_column = find_text_column(columns, options.text_column)

    def rows() -> Iterator[Row]:
        for cells in lines:
            yield _row(dict(zip(columns, cells, strict=False)), text_column)

    return Source(columns, rows(), "xlsx")


def _open_folder(path: Path, options: ReadOptions) -> Source:
    files = sorted(path.glob("*.txt"))
    if not files:
        raise InputError(f"{path} holds no .txt file; give a folder of them, or a CSV, JSONL, Parquet or Excel file.")

    def rows() -> Iterator[Row]:
        for file in files:
            try:
                opened, _ = _open_text(file, options)
                with opened:
                    row = _row({"file": file.name, "text": opened.read(MAX_TEXT + 1)}, "text")
            except OSError as error:
                row = Row({"file": file.name}, None, f"can't be read: {error.strerror}")
            yield row

    return Source(["file", "text"], rows(), "txt")
