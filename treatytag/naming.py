"""A row of a file -> the name by which people find its report again."""

from __future__ import annotations

from collections.abc import Sequence

# In order of preference; compared without case, spaces and underscores.
ID_COLUMNS = ("id", "reportid", "caseid", "incidentid", "reference")


def find_id_column(columns: Sequence[str]) -> str | None:
    """Return the column that holds the reports' ids, or None where none has a usual name."""
    plain = {column.strip().lower().replace(" ", "").replace("_", ""): column for column in reversed(columns)}
    return next((plain[name] for name in ID_COLUMNS if name in plain), None)


def name_of(number: int, identity: object) -> str:
    """Return the name of a report: its row, from 1, and its id where it has one."""
    return f"Row {number}, {str(identity)[:60]}" if identity not in (None, "") else f"Row {number}"
