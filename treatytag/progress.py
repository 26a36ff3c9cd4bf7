"""Counts of a running batch -> a progress line on a terminal, and the table at the end."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from treatytag.offences import OFFENCES

if TYPE_CHECKING:
    from treatytag.batch import Summary


class Progress:
    """A context manager whose `update` shows rows, rate and tags so far; silent unless `visible`."""

    def __init__(self, visible: bool) -> None:
        self._bar: Any = None
        if visible:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("reading", total=None)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, summary: Summary) -> None:
        """Show the counts of a batch under way."""
        if self._bar:
            tags = sum(summary.articles.values())
            line = f"{summary.rows:,} rows, {summary.rows_per_second:,.0f} a second, {tags:,} tags"
            total = 1.0 if summary.fraction else None
            self._bar.update(self._task, description=line, completed=summary.fraction, total=total)


def summary_table(summary: Summary) -> str:
    """Return the counts of a finished batch as a table of plain text."""
    lines = [
        f"{offence.article:>8}  {summary.articles[offence.article]:>9,}  {offence.title}"
        for offence in OFFENCES
        if summary.articles[offence.article]
    ]
    return "\n".join(
        [
            f"{summary.rows:,} rows: {summary.tagged:,} tagged, {summary.empty:,} with no Convention offence, "
            f"{summary.errors:,} not readable; {summary.needs_review:,} need review",
            *(["article     reports", *lines] if lines else []),
            f"{summary.rows_per_second:,.0f} rows a second, model {summary.model_id}",
        ]
    )
