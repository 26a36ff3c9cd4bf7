"""What a tagged file holds -> one HTML page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from treatytag.charts import BarChart, ColumnChart, bar_chart, column_chart
from treatytag.dates import periods_of
from treatytag.offences import LABELS
from treatytag.overview import Case, Overview, OverviewOptions, read_overview
from treatytag.pages import ALL_ARTICLES, Article, Segment, article_of, check_output, render, segments, write_page
from treatytag.readers import needed
from treatytag.tagger import Tagger

EXCERPT = 320
_SAME = 0.0001  # probabilities in files have 4 decimals
_MATCHES = 0.8  # share of rows: an apostrophe put before a formula may change one


def write_overview(
    tagged: Path, output: Path, tagger: Tagger, options: OverviewOptions, overwrite: bool = False
) -> Overview:
    """Read a tagged file and write its page.

    Args:
        tagged: a file that `treatytag classify` wrote.
        output: the page.
        tagger: the model that may have tagged it; it marks evidence where the file has none.
        options: how to read.
        overwrite: replace an existing page.

    Raises:
        InputError: the file can't be read or was not written by `treatytag classify`, the page can't be written,
            or Jinja2 or python-dateutil is missing.
    """
    needed("jinja2", "report")
    check_output(output, overwrite)
    overview = read_overview(tagged, options)
    write_page(output, overview_page(overview, tagger, tagged.name, options))
    return overview


def overview_page(overview: Overview, tagger: Tagger, file: str, options: OverviewOptions) -> str:
    """Return the page as HTML; arguments as for `write_overview`.

    Raises:
        InputError: Jinja2 is missing.
    """
    is_same_model = tagged_by(tagger, overview.first)
    explainer = tagger if is_same_model and not overview.has_evidence else None
    periods = _periods(overview)
    return render(
        "overview.html",
        sections=_sections(periods is not None),
        file=file,
        overview=overview,
        options=options,
        model_id=tagger.model.model_id,
        is_same_model=is_same_model,
        has_marks=overview.has_evidence or is_same_model,
        names={article.number: article.name for article in ALL_ARTICLES},
        article_chart=_article_chart(overview),
        article_rows=[(article_of(label), overview.articles[label]) for label in LABELS],
        pairs=_pair_rows(overview),
        periods=periods,
        queue=[_queued(case, options.shows_sensitive) for case in overview.queue.ranked()],
        examples=[(article_of(label), _examples(overview, label, explainer)) for label in LABELS],
    )


def tagged_by(tagger: Tagger, cases: list[Case]) -> bool:
    """Tell whether a model gives the probabilities that some reports have in their file."""
    if not cases:
        return False
    probabilities = tagger.probabilities([case.text for case in cases]).tolist()
    same = [
        max(abs(a - b) for a, b in zip(found, case.probabilities, strict=True)) <= _SAME
        for found, case in zip(probabilities, cases, strict=True)
    ]
    return bool(sum(same) >= _MATCHES * len(same))


def _sections(is_dated: bool) -> list[tuple[str, str]]:
    whole = [
        ("counts", "Counts"),
        ("articles", "Articles"),
        ("together", "Articles together"),
        ("time", "Over time"),
        ("queue", "Review queue"),
        ("examples", "Examples"),
    ]
    return [section for section in whole if is_dated or section[0] != "time"]


def _article_chart(overview: Overview) -> BarChart:
    rows = []
    for label in LABELS:
        article, n = article_of(label), overview.articles[label]
        rows.append((f"{article.number} {article.name}", f"{n:,}", float(n)))
    told = "; ".join(f"{label} {value}" for label, value, _ in rows)
    return bar_chart("article-chart", "Reports by article", f"Bars of the number of reports: {told}.", rows)


def _pair_rows(overview: Overview) -> list[tuple[Article, list[tuple[int, float, bool]]]]:
    """Return a row per article: how many reports with each other article, how dark to draw it, whether itself."""
    highest = max(overview.pairs.values(), default=0) or 1
    rows = []
    for i, label in enumerate(LABELS):
        cells = []
        for j in range(len(LABELS)):
            n = overview.articles[label] if i == j else overview.pairs[LABELS[min(i, j)], LABELS[max(i, j)]]
            cells.append((n, 0.0 if i == j else round(n / highest, 3), i == j))
        rows.append((article_of(label), cells))
    return rows


@dataclass(frozen=True)
class Periods:
    """Reports over time: a chart, and rows of period, all, tagged, and count per article."""

    unit: str
    chart: ColumnChart
    rows: tuple[tuple[str, int, int, tuple[int, ...]], ...]


def _periods(overview: Overview) -> Periods | None:
    if not overview.months:
        return None
    unit, period_of, names = periods_of(overview.months)
    counts: dict[str, dict[str, int]] = {name: dict.fromkeys(("all", "tagged", *LABELS), 0) for name in names}
    for month, n in overview.months.items():
        counts[period_of(month)]["all"] += n
        counts[period_of(month)]["tagged"] += overview.months_tagged[month]
    for (month, label), n in overview.months_labels.items():
        counts[period_of(month)][label] += n
    rows = tuple((name, c["all"], c["tagged"], tuple(c[label] for label in LABELS)) for name, c in counts.items())
    busiest = max(rows, key=lambda row: row[1])
    alternative = (
        f"Columns for {len(rows)} {unit}s from {names[0]} to {names[-1]}; most reports in {busiest[0]}: "
        f"{busiest[1]:,}, of which {busiest[2]:,} with an article."
    )
    chart = column_chart("time-chart", f"Reports by {unit}", alternative, [row[:3] for row in rows])
    return Periods(unit, chart, rows)


@dataclass(frozen=True)
class Queued:
    """A report that people should look at: its tags and the likeliest withheld one, each with its probability."""

    case: Case
    given: tuple[tuple[Article, float], ...]
    nearest: tuple[Article, float] | None
    pieces: tuple[Segment, ...] | None


def _queued(case: Case, shows_sensitive: bool) -> Queued:
    cells = dict(zip(LABELS, case.probabilities, strict=True))
    given = tuple((article_of(label), cells.pop(label)) for label in LABELS if label in case.labels)
    likeliest = max(cells, key=lambda label: cells[label], default=None)
    nearest = (article_of(likeliest), cells[likeliest]) if likeliest else None
    is_shown = shows_sensitive or not case.is_sensitive
    return Queued(case, given, nearest, segments(case.text, [], EXCERPT) if is_shown else None)


def _examples(overview: Overview, label: str, explainer: Tagger | None) -> list[tuple[Case, float, Any]]:
    shown = []
    for case in overview.examples[label].ranked():
        if explainer is not None:
            case = replace(case, evidence=[piece.as_dict() for piece in explainer.evidence(case.text, [label])])
        probability = case.probabilities[LABELS.index(label)]
        shown.append((case, probability, segments(case.text, case.spans([label]))))
    return shown
