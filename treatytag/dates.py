"""Cells of a date column -> months, and months -> the periods of a chart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from treatytag.errors import InputError
from treatytag.readers import needed

# In order of preference; compared without case, spaces, hyphens and underscores.
DATE_COLUMNS = (
    *("incidentdate", "dateofincident", "occurred", "occurredat", "date", "reportdate", "datereported", "dateofreport"),
    *("reported", "reportedat", "received", "datereceived", "receiveddate", "receivedat", "created", "createdat"),
    *("createddate", "datecreated", "creationdate", "opened", "openedat", "submitted", "submittedat", "published"),
    *("timestamp", "datetime", "time"),
)
FIRST_YEAR, LAST_YEAR = 1900, 2100  # beyond lies no report, but a slip of the pen
MAX_MONTHS = 36  # a longer span is shown in years

Month = tuple[int, int]
MonthReader = Callable[[object], Month | None]

_iso = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ].*)?")
_digits = re.compile(r"\d")


def find_date_column(columns: Sequence[str], wanted: str | None) -> str | None:
    """Return the column that holds dates; None where none has a usual name.

    Raises:
        InputError: the wanted column is missing.
    """
    if wanted is not None:
        if wanted in columns:
            return wanted
        raise InputError(f"there is no column {wanted!r}; the columns are {', '.join(columns)}.")
    plain = {re.sub(r"[\s_-]", "", column).lower(): column for column in reversed(columns)}
    return next((plain[name] for name in DATE_COLUMNS if name in plain), None)


def month_reader(is_day_first: bool) -> MonthReader:
    """Return a function from a cell to its year and month, or None where it tells none.

    ISO dates and dates proper are read as they are, all else by python-dateutil; `is_day_first` is for 03/04/2026.

    Raises:
        InputError: python-dateutil is not installed.
    """
    parse = needed("dateutil.parser", "report").parse

    @lru_cache(maxsize=10_000)
    def read_text(text: str) -> Month | None:
        match = _iso.fullmatch(text)
        if match:
            year, month, day = (int(part or 1) for part in match.groups())
            return _checked(year, month, day)
        if len(text) > 60 or not _digits.search(text):
            return None
        try:
            # parts that a text does not tell are taken from the default: two of them tell which these are
            found = [parse(text, dayfirst=is_day_first, default=datetime(*default)) for default in _DEFAULTS]
        except (ValueError, OverflowError, TypeError, AttributeError):
            return None
        months = {(moment.year, moment.month) for moment in found}
        return _checked(*months.pop(), 1) if len(months) == 1 else None

    def read(value: object) -> Month | None:
        if isinstance(value, date):
            return _checked(value.year, value.month, 1)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return read_text(str(value).strip())
        return None

    return read


_DEFAULTS: tuple[Any, ...] = ((2000, 1, 1), (2004, 12, 1))


def _checked(year: int, month: int, day: int) -> Month | None:
    try:
        date(year, month, day)
    except ValueError:
        return None
    return (year, month) if FIRST_YEAR <= year <= LAST_YEAR else None


def periods_of(months: Iterable[Month]) -> tuple[str, Callable[[Month], str], list[str]]:
    """Choose months or years for a chart: its unit, the name of a month's period, and all periods in order."""
    numbers = [year * 12 + month - 1 for year, month in months]
    first, last = min(numbers), max(numbers)
    if last - first < MAX_MONTHS:
        return "month", _month_name, [_month_name((n // 12, n % 12 + 1)) for n in range(first, last + 1)]
    return "year", lambda month: str(month[0]), [str(year) for year in range(first // 12, last // 12 + 1)]


def _month_name(month: Month) -> str:
    return f"{month[0]}-{month[1]:02}"
