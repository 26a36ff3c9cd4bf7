"""Lines of CSV -> records, one for each row that can be told apart, whatever is wrong with its quotes.

An opening quote that is never closed would swallow the reports after it. A strict reader notices where the next quote
stands; the line with the opening quote is then a record of its own, and reading goes on at the line after it.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

# What is longer is taken to be an unclosed quote.
MAX_LINES = 2_000
MAX_CHARACTERS = 10_000_000
_BEGINNING = 10_000
STRAY_QUOTE = "ok: quotes not doubled"
UNCLOSED = "unreadable row, perhaps an unclosed quote"
TOO_LONG = f"unreadable row: a cell longer than {MAX_CHARACTERS} characters"
_separator = re.compile(r'\ufeff?"?sep=(.)"?\s*')


@dataclass(slots=True)
class Record:
    """One record: its cells (where it can't be read, those before the trouble); what is wrong, and then its line."""

    cells: list[str]
    problem: str = ""
    raw: str | None = None


class _Unclosed(Exception):
    """A record has grown too long."""


class _Lines:
    """Hands lines to a reader, knows those of the record under way, and takes them back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: deque[str] = deque()
        self._n_handed = self._n_back = 0
        self.record: list[str] = []
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines)
        self.record.append(line)
        self._size += len(line)
        if len(self.record) > 1 and (len(self.record) > MAX_LINES or self._size > MAX_CHARACTERS):
            raise _Unclosed
        return line

    def begin(self) -> None:
        """Begin a record."""
        self._n_handed += len(self.record)
        self.record = []
        self._size = 0

    def take_back(self) -> bool:
        """Take back all lines of the record but its first; False where a file would be read over and over by that."""
        if self._n_back > 100_000 + 10 * (self._n_handed - self._n_back):
            return False
        self._n_back += len(self.record) - 1
        self._back.extendleft(reversed(self.record[1:]))
        return True


def told_delimiter(line: str) -> str | None:
    """Return the delimiter of a first line such as `sep=;`, which Excel writes, or None if it is no such line."""
    found = _separator.fullmatch(line)
    return found[1] if found else None


class Records:
    """The records of a CSV file, to be read once; blank lines are none.

    Raises:
        TypeError: the delimiter is not one character.
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        csv.field_size_limit(MAX_CHARACTERS)
        self._lines = _Lines(lines)
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    def header(self) -> list[str]:
        """Return the first record; [] where there is none.

        Raises:
            csv.Error: it can't be read.
        """
        try:
            return next(self._reader, [])
        except _Unclosed as error:
            raise csv.Error("an unclosed quote") from error

    def of(self, n_columns: int) -> Iterator[Record]:
        """Yield the records that follow."""
        lines = self._lines
        while True:
            lines.begin()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _Unclosed):
                failed = lines.record if not lines.take_back() else lines.record[:1]
                yield from (self._alone(line, n_columns) for line in failed if line.strip("\r\n"))
                continue
            if cells:
                yield Record(cells)

    def _alone(self, line: str, n_columns: int) -> Record:
        """Read a line on its own."""
        raw = line.rstrip("\r\n")
        problem = UNCLOSED
        for strict in (True, False):
            following = iter([line, "\n"])
            try:
                cells = next(csv.reader(following, delimiter=self._delimiter, strict=strict))
            except csv.Error as error:
                if "field limit" in str(error):
                    problem = TOO_LONG
                    break
                continue
            is_closed = next(following, None) is not None
            if is_closed and (strict or len(cells) == n_columns):
                return Record(cells) if strict else Record(cells, STRAY_QUOTE, raw)
        before = raw[:_BEGINNING].partition('"')[0].split(self._delimiter)[:-1]
        return Record(before[: n_columns - 1], problem, raw)
