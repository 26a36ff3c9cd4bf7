"""Parquet files and Excel workbooks -> rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

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
            for values in batch.to_pylist():
                yield row_of(values, text_column)
            done += batch.num_rows

    return Source(columns, rows(), "parquet", file.schema_arrow, lambda: done / total)


def open_xlsx(path: Path, options: ReadOptions) -> Source:
    """Open an Excel workbook; see `open_source`."""
    openpyxl = needed("openpyxl", "excel")
    try:
        sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0]
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{path} is no readable Excel workbook ({error}); save it as .xlsx or CSV.") from error
    lines = sheet.iter_rows(values_only=True)
    columns = column_names(path, next(lines, ()))
    text_column = find_text_column(columns, options.text_column)

    def rows() -> Iterator[Row]:
        for cells in lines:
            yield row_of(dict(zip(columns, cells, strict=False)), text_column)

    return Source(columns, rows(), "xlsx")
