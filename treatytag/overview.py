"""A tagged file -> counts, periods, the review queue and examples, in one pass and bounded memory."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from treatytag.dates import Month, MonthReader, find_date_column, month_reader
from treatytag.errors import InputError
from treatytag.naming import find_id_column, name_of
from treatytag.offences import BY_LABEL, LABELS, SENSITIVE_FROM, SENSITIVE_LABELS
from treatytag.partitions import parts_of
from treatytag.readers import ReadOptions, Row, open_source

QUEUE = 50
EXAMPLES = 3  # per article
CHECKED = 20  # first rows kept to see which model tagged them
MAX_KEPT = 20_000  # characters kept of a report's text


@dataclass(frozen=True)
class OverviewOptions:
    """How a tagged file is read.

    Attributes:
        prefix: stands before the names of the columns that `treatytag classify` added.
        text_column: name of the column that holds the report; None to find it.
        date_column: name of the column that holds dates; None to find it.
        is_day_first: whether 03/04/2026 is in April.
        shows_sensitive: whether examples may be about articles 14 to 16.
    """

    prefix: str = ""
    text_column: str | None = None
    date_column: str | None = None
    is_day_first: bool = False
    shows_sensitive: bool = False


@dataclass(frozen=True)
class Case:
    """One tagged report; `evidence` is as found in the file, None where the file has no such column."""

    name: str
    text: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    needs_review: bool
    status: str
    evidence: Any

    @property
    def doubt(self) -> float:
        """Expected number of wrong labels: a tag given is wrong with 1 - p, one withheld with p."""
        cells = zip(LABELS, self.probabilities, strict=True)
        return sum(1.0 - p if label in self.labels else p for label, p in cells)

    @property
    def is_sensitive(self) -> bool:
        """Whether it concerns, or may concern, articles 14 to 16."""
        cells = zip(LABELS, self.probabilities, strict=True)
        return any(label in SENSITIVE_LABELS and (label in self.labels or p >= SENSITIVE_FROM) for label, p in cells)

    def spans(self, labels: Sequence[str]) -> list[tuple[int, int]]:
        """Return where the evidence of some labels stands in `text`; what does not fit the text is left out."""
        pieces = self.evidence
        if isinstance(pieces, str):
            try:
                pieces = json.loads(pieces)
            except (ValueError, RecursionError):
                return []
        if not isinstance(pieces, list):
            return []
        return [span for piece in pieces if isinstance(piece, dict) and (span := self._span(piece, labels))]

    def _span(self, piece: dict[str, Any], labels: Sequence[str]) -> tuple[int, int] | None:
        start, words = piece.get("start"), piece.get("text")
        if piece.get("label") not in labels or not isinstance(start, int) or not isinstance(words, str) or not words:
            return None
        if start < 0 or not self.text.startswith(words, start):
            start = self.text.find(words)  # an apostrophe before a formula moves all by one
        return (start, start + len(words)) if start >= 0 else None


class Best:
    """Keeps the cases with the highest values, at most so many, and no text twice."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, Case]] = []

    def offer(self, value: float, number: int, case: Case) -> None:
        """Keep a case if it is among the best; of equals, the first met."""
        if len(self._heap) == self._size and (value, -number) <= self._heap[0][:2]:
            return
        if any(kept.text == case.text for _, _, kept in self._heap):
            return
        heapq.heappush(self._heap, (value, -number, case))
        if len(self._heap) > self._size:
            heapq.heappop(self._heap)

    def ranked(self) -> list[Case]:
        """Return them, highest value first."""
        return [case for _, _, case in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


@dataclass
class Overview:
    """What a tagged file holds.

    Attributes:
        rows: all rows; the next four count among them.
        tagged: rows with at least one article.
        none: rows readable, but without any.
        needs_review: rows that a person should look at first.
        unreadable: rows that could not be tagged.
        articles: label -> rows.
        pairs: two labels, in treaty order -> rows with both.
        date_column: its name, or None.
        undated: rows without a readable date.
        months: year and month -> rows.
        months_tagged: the same, with at least one article.
        months_labels: year and month, label -> rows.
        queue: the most doubtful reports.
        examples: label -> its most probable reports.
        first: the first reports, to see which model tagged them.
        has_evidence: whether the file has a column of evidence.
    """

    rows: int = 0
    tagged: int = 0
    none: int = 0
    needs_review: int = 0
    unreadable: int = 0
    articles: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    date_column: str | None = None
    undated: int = 0
    months: Counter[Month] = field(default_factory=Counter)
    months_tagged: Counter[Month] = field(default_factory=Counter)
    months_labels: Counter[tuple[Month, str]] = field(default_factory=Counter)
    queue: Best = field(default_factory=lambda: Best(QUEUE))
    examples: dict[str, Best] = field(default_factory=lambda: {label: Best(EXAMPLES) for label in LABELS})
    first: list[Case] = field(default_factory=list)
    has_evidence: bool = False


def read_overview(path: Path, options: OverviewOptions = OverviewOptions()) -> Overview:
    """Read a file, or a folder of Parquet parts, that `treatytag classify` wrote.

    Raises:
        InputError: it can't be read, was not written by `treatytag classify`, or has no rows.
    """
    overview = Overview()
    read_month = month_reader(options.is_day_first)
    for part in parts_of(path) or [path]:
        _read_part(overview, part, options, read_month)
    if not overview.rows:
        raise InputError(f"{path} has no rows; give a file with tagged reports.")
    return overview


def _read_part(overview: Overview, path: Path, options: OverviewOptions, read_month: MonthReader) -> None:
    source = open_source(path, ReadOptions(options.text_column))
    _check_columns(path, source.columns, options.prefix)
    overview.date_column = dates = find_date_column(source.columns, options.date_column)
    overview.has_evidence = f"{options.prefix}evidence" in source.columns
    identity = find_id_column(source.columns)
    for row in source.rows:
        overview.rows += 1
        case = _case(row, options.prefix, identity, overview.rows)
        if case is None:
            overview.unreadable += 1
        else:
            _count(overview, case, options.shows_sensitive)
        if dates is not None:
            _count_month(overview, read_month(row.values.get(dates)), case)


def _check_columns(path: Path, columns: Sequence[str], prefix: str) -> None:
    wanted = ("labels", "needs_review", "status", *(f"p_{label}" for label in LABELS))
    missing = [prefix + name for name in wanted if prefix + name not in columns]
    if missing:
        raise InputError(
            f"{path} has no column {missing[0]!r}, so it is not as `treatytag classify` writes it; tag it first, "
            "or give the --prefix that its columns have."
        )


def _case(row: Row, prefix: str, identity: str | None, number: int) -> Case | None:
    """Return a row as a case, or None where it was not tagged or what was added to it can't be read."""
    values = row.values
    status = str(values.get(prefix + "status") or "")
    if row.text is None or not status.startswith("ok"):
        return None
    labels = tuple(label for label in str(values.get(prefix + "labels") or "").split(";") if label)
    try:
        probabilities = tuple(float(values[f"{prefix}p_{label}"]) for label in LABELS)
    except (KeyError, TypeError, ValueError):
        return None
    if not set(labels) <= set(LABELS) or not all(0.0 <= p <= 1.0 for p in probabilities):
        return None
    return Case(
        name_of(number, values.get(identity) if identity else None),
        row.text[:MAX_KEPT],
        labels,
        probabilities,
        str(values.get(prefix + "needs_review")).strip().lower() in ("true", "1"),
        status,
        values.get(prefix + "evidence"),
    )


def _count(overview: Overview, case: Case, shows_sensitive: bool) -> None:
    overview.tagged += bool(case.labels)
    overview.none += not case.labels
    overview.needs_review += case.needs_review
    overview.articles.update(case.labels)
    ordered = sorted(case.labels, key=lambda label: BY_LABEL[label].article)
    overview.pairs.update((a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :])
    if len(overview.first) < CHECKED and len(case.text) < MAX_KEPT:
        overview.first.append(case)
    overview.queue.offer(case.doubt, overview.rows, case)
    if shows_sensitive or not case.is_sensitive:
        for label in case.labels:
            overview.examples[label].offer(case.probabilities[LABELS.index(label)], overview.rows, case)


def _count_month(overview: Overview, month: Month | None, case: Case | None) -> None:
    if month is None:
        overview.undated += 1
        return
    overview.months[month] += 1
    if case is not None and case.labels:
        overview.months_tagged[month] += 1
        overview.months_labels.update((month, label) for label in case.labels)
