"""What every reader hands on: a `Row` for each row of a file, in order, readable or not, and the file as a `Source`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

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
        place: with `ReadOptions.exact`, the Arrow batch that holds the row and its number there.
    """

    values: dict[str, Any]
    text: str | None
    status: str = "ok"
    raw: Any = None
    place: tuple[Any, int] | None = None


@dataclass(frozen=True)
class ReadOptions:
    """How to read: each None is found out from the file.

    Attributes:
        text_column: name of the column that holds the report.
        delimiter: one character, for CSV.
        encoding: a Python codec name, for CSV, JSONL and text files.
        sheet: the sheet of an Excel workbook; needed where more than one has rows.
        exact: leave a Parquet file's values in Arrow's hands, all but the reports, so that every type stays as it is.
    """

    text_column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    exact: bool = False


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


def needed(module: str, extra: str) -> Any:
    """Import an optional module.

    Raises:
        InputError: it is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"this needs {module.partition('.')[0]}; install treatytag[{extra}].") from error


def row_of(values: dict[str, Any], text_column: str) -> Row:
    """Return a row that was read, with what is wrong with its text, if anything."""
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


def column_names(path: Path, header: Sequence[Any]) -> list[str]:
    """Return the names in a header row: `column_3` where the third is empty."""
    columns = [f"column_{i}" if cell is None or cell == "" else str(cell) for i, cell in enumerate(header, 1)]
    refuse_repeated(path, columns)
    return columns


def refuse_repeated(path: Path, columns: Sequence[str]) -> None:
    """Refuse two columns of one name.

    Raises:
        InputError: there are two.
    """
    repeated = sorted(column for column, count in Counter(columns).items() if count > 1)
    if repeated:
        raise InputError(f"{path} has more than one column named {repeated[0]!r}; rename them apart.")
