"""Parquet files and Excel workbooks -> rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from treatytag.errors import InputError
from treatytag.rows import ReadOptions, Row, Source, column_names, find_text_column, needed, refuse_repeated, row_of


def open_parquet(path: Path, options: ReadOptions) -> Source:
    """Open a Parquet file; see `open_source`."""
    parquet = needed("pyarrow.parquet", "parquet")
    try:
        file = parquet.ParquetFile(path)
    except (ValueError, OSError) as error:  # Arrow's own errors are subclasses of these
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise InputError(f"{path} is no readable Parquet file ({error}); write it again.") from error
    columns = list(file.schema_arrow.names)
    refuse_repeated(path, columns)
    text_column = find_text_column(columns, options.text_column)

    total = max(file.metadata.num_rows, 1)
    done = 0

    def rows() -> Iterator[Row]:
        nonlocal done
        for batch in file.iter_batches(batch_size=1024):
            if options.exact:
                for number, text in enumerate(_values(batch.column(columns.index(text_column)))):
                    row = row_of({text_column: text}, text_column)
                    row.place = batch, number
                    if row.text is None:
                        found = [_values(column.slice(number, 1))[0] for column in batch.columns]
                        row.raw = dict(zip(columns, found, strict=True))
                    yield row
            else:
                for cells in zip(*map(_values, batch.columns), strict=True):
                    yield row_of(dict(zip(columns, cells, strict=True)), text_column)
            done += batch.num_rows

    return Source(columns, rows(), "parquet", file.schema_arrow, lambda: done / total)


def _values(array: Any) -> list[Any]:
    """Return a column as Python values; as strings where Python has no such values, such as times in nanoseconds."""
    pyarrow = needed("pyarrow", "parquet")
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        as_bytes = array.cast(pyarrow.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in as_bytes]
    except (ValueError, OverflowError, ImportError, pyarrow.ArrowException):
        pass
    try:
        return list(array.cast(pyarrow.string()).to_pylist())
    except (ValueError, pyarrow.ArrowException):
        return [_value(scalar) for scalar in array]


def _value(scalar: Any) -> Any:
    with suppress(Exception):
        return scalar.as_py()
    with suppress(Exception):
        return scalar.cast(needed("pyarrow", "parquet").string()).as_py()
    if hasattr(scalar, "items"):
        return {name: _value(value) for name, value in scalar.items()}
    return [_value(value) for value in scalar.values] if hasattr(scalar, "values") else repr(scalar)


def open_xlsx(path: Path, options: ReadOptions) -> Source:
    """Open an Excel workbook; see `open_source`."""
    openpyxl = needed("openpyxl", "excel")
    try:
        sheets = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{path} is no readable Excel workbook ({error}); save it as .xlsx or CSV.") from error
    lines = _filled(_sheet_of(path, sheets, options.sheet).iter_rows(values_only=True))
    columns = column_names(path, next(lines, ()))
    text_column = find_text_column(columns, options.text_column)
    rows = (row_of(dict(zip(columns, cells, strict=False)), text_column) for cells in lines)
    return Source(columns, rows, "xlsx")


def _sheet_of(path: Path, sheets: list[Any], wanted: str | None) -> Any:
    names = ", ".join(repr(sheet.title) for sheet in sheets)
    if wanted is not None:
        for sheet in sheets:
            if sheet.title == wanted:
                return sheet
        raise InputError(f"{path} has no sheet {wanted!r}; its sheets are {names or 'none'}.")
    filled = [sheet for sheet in sheets if next(_filled(sheet.iter_rows(values_only=True)), None) is not None]
    if len(filled) > 1:
        names = ", ".join(repr(sheet.title) for sheet in filled)
        raise InputError(f"{path} has more than one sheet with rows ({names}); choose one with --sheet.")
    if not filled:
        raise InputError(f"{path} has no sheet with rows; check the file.")
    return filled[0]


def _filled(lines: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Leave out rows without any value: sheets often go on with such, formatted but empty."""
    return (cells for cells in lines if any(cell is not None and cell != "" for cell in cells))
