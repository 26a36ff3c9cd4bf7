"""Labelled reports and a tagger -> `index.html` and `figures.json` of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from treatytag.assessment import CURVE_THRESHOLDS, Assessment, ThresholdCurve, assess
from treatytag.charts import BarChart, LineChart, Series, bar_chart, line_chart
from treatytag.drift import Profile, profile_of
from treatytag.errors import InputError
from treatytag.features import Floats
from treatytag.intervals import Estimate
from treatytag.labelled import LabelledReports
from treatytag.mistakes import Faithfulness, Mistake, faithfulness, worst_mistakes
from treatytag.offences import OFFENCES, short_title
from treatytag.pages import (
    ALL_ARTICLES,
    Article,
    Segment,
    article_of,
    check_output,
    percent,
    render,
    segments,
    write_page,
)
from treatytag.tagger import Tagger

PAGE, FIGURES = "index.html", "figures.json"
NOT_RECORDED = "not recorded in this model"

SECTIONS = (
    ("headline", "Headline figures"),
    ("articles", "Article by article"),
    ("confusion", "Confusion"),
    ("calibration", "Calibration"),
    ("review", "Review"),
    ("thresholds", "Thresholds"),
    ("evidence", "Evidence"),
    ("mistakes", "Worst mistakes"),
    ("drift", "Drift"),
)


@dataclass(frozen=True)
class EvaluationReport:
    """Everything an evaluation found; `corpus` is None where the model does not record its corpus' profile."""

    file: str
    model_id: str
    prefer: str
    assessment: Assessment
    faithfulness: Faithfulness
    mistakes: tuple[Mistake, ...]
    profile: Profile
    corpus: Profile | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without any text of a report."""
        values = asdict(self)
        values["thresholds_of_curves"] = CURVE_THRESHOLDS
        for mistake in values["mistakes"]:
            del mistake["text"], mistake["evidence"]
        return _rounded(values)  # type: ignore[no-any-return]


def _rounded(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 6))


def report_of(
    reports: LabelledReports, tagger: Tagger, file: str, answers: tuple[Floats, Floats] | None = None
) -> EvaluationReport:
    """Measure a tagger on labelled reports.

    `answers` are probabilities and thresholds found otherwise, such as out of fold; default the tagger's own.
    """
    if answers is None:
        probabilities = tagger.probabilities(reports.texts)
        answers = probabilities, tagger.thresholds.cells(probabilities)
    probabilities, thresholds = answers
    n_words, n_known = tagger.word_counts(reports.texts).T
    limit = tagger.model.familiarity_limit
    return EvaluationReport(
        file,
        tagger.model.model_id,
        tagger.prefer,
        assess(reports.gold, probabilities, thresholds, reports.scored, tagger.thresholds.labels),
        faithfulness(tagger, reports.texts, probabilities >= thresholds),
        worst_mistakes(tagger, reports, probabilities, probabilities >= thresholds),
        profile_of(n_words, n_known / np.maximum(n_words, 1), reports.gold & reports.scored, limit),
        Profile.from_dict(tagger.model.description.get("corpus", {})),
    )


def prepare_folder(folder: Path, is_overwriting: bool) -> None:
    """Create the folder of an evaluation, before any work is done.

    Raises:
        InputError: it can't be created, or holds an evaluation that is not to be replaced.
    """
    if not folder.parent.is_dir():
        raise InputError(f"there is no folder {folder.parent}; create it first, or choose another.")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be made a folder ({error.strerror}); choose another name.") from error
    for name in (PAGE, FIGURES):
        check_output(folder / name, is_overwriting)


def write_evaluation(folder: Path, report: EvaluationReport, shows_sensitive: bool = False) -> None:
    """Write the page and the figures into a folder.

    Raises:
        InputError: Jinja2 is missing, or the folder can't be written.
    """
    write_page(folder / PAGE, evaluation_page(report, shows_sensitive))
    write_page(folder / FIGURES, json.dumps(report.as_dict(), indent=2) + "\n")


def evaluation_page(report: EvaluationReport, shows_sensitive: bool = False) -> str:
    """Return the page as HTML.

    Raises:
        InputError: Jinja2 is missing.
    """
    found = report.assessment
    return render(
        "evaluation.html",
        sections=SECTIONS,
        file=report.file,
        report=report,
        found=found,
        names={article.number: article.name for article in ALL_ARTICLES},
        f1_chart=_f1_chart(found),
        confusion=_confusion_rows(found),
        calibration_chart=_calibration_chart(found),
        review_chart=_review_chart(found),
        curves=[(article_of(curve.label), curve, _curve_chart(curve)) for curve in found.curves],
        curve_thresholds=CURVE_THRESHOLDS,
        mistakes=[_shown(mistake, shows_sensitive) for mistake in report.mistakes],
        shows_sensitive=shows_sensitive,
        drift=_drift_rows(report.profile, report.corpus),
        is_corpus_recorded=report.corpus is not None,
    )


def _f1_chart(found: Assessment) -> BarChart:
    rows = [
        (f"{a.article} {short_title(a.label)}", percent(a.f1.value, 0), a.f1.value or 0.0)
        for a in found.articles
        if a.support
    ]
    intervals = [_interval(a.f1) for a in found.articles if a.support]
    told = "; ".join(f"{label} {value}" for label, value, _ in rows)
    title = "F1 by article, with 95% intervals"
    alternative = f"Bars of F1 from 0 to 100%: {told}."
    return bar_chart("f1-chart", title, alternative, rows, top_value=1.0, intervals=intervals)


def _interval(figure: Estimate) -> tuple[float, float] | None:
    return None if figure.low is None or figure.high is None else (figure.low, figure.high)


@dataclass(frozen=True)
class ConfusionCell:
    """A count, and how dark it is drawn, in [0, 1]: its share of the row's gold."""

    count: str
    heat: float
    is_right: bool


def _confusion_rows(found: Assessment) -> list[tuple[Article | None, list[ConfusionCell], str]]:
    rows = []
    for i, counts in enumerate(found.confusion):
        total = sum(counts)
        cells = [ConfusionCell(_plain(n), round(n / total, 3) if total else 0.0, i == j) for j, n in enumerate(counts)]
        rows.append((ALL_ARTICLES[i] if i < len(ALL_ARTICLES) else None, cells, _plain(total)))
    return rows


def _plain(count: float) -> str:
    return f"{count:,.1f}".removesuffix(".0")


def _calibration_chart(found: Assessment) -> LineChart:
    full = [b for b in found.bins if b.probability is not None]
    told = "; ".join(f"at {percent(b.probability, 0)} {percent(b.gold, 0)} of {b.count:,}" for b in full)
    series = [
        Series("thin", [(0.0, 0.0), (1.0, 1.0)]),
        Series("", [(b.probability or 0.0, b.gold) for b in full], [float(b.count) for b in full]),
    ]
    return line_chart(
        "calibration-chart",
        "Share that is gold against the model's probability",
        f"A line with a dot for each tenth of the probabilities, beside the diagonal of perfect calibration: {told}.",
        series,
        x_title="mean probability of the bin",
        notes=[((b.low + b.high) / 2, f"{b.count:,}") for b in found.bins],
    )


def _review_chart(found: Assessment) -> LineChart:
    told = "; ".join(
        f"{percent(point.share, 0)} reviewed: F1 of the rest {percent(point.f1)}, "
        f"{percent(point.errors_found, 0)} of the errors found"
        for point in found.named_reviews
    )
    series = [
        Series("", [(point.share, point.f1) for point in found.review]),
        Series("dashed", [(point.share, point.errors_found) for point in found.review]),
        Series("thin", [(0.0, 0.0), (0.95, 0.95)]),
    ]
    return line_chart(
        "review-chart",
        "What review of the most doubtful reports brings",
        f"Two rising lines. {told}.",
        series,
        x_title="share of reports sent to people",
    )


def _curve_chart(curve: ThresholdCurve) -> LineChart:
    article = article_of(curve.label)
    nearest = int(np.argmin(np.abs(np.array(CURVE_THRESHOLDS) - curve.threshold)))
    told = ", ".join(
        f"{name} {percent(values[nearest], 0)}"
        for name, values in (("precision", curve.precision), ("recall", curve.recall), ("F1", curve.f1))
    )
    return line_chart(
        f"threshold-{curve.article}",
        f"{article.number} {article.name}",
        f"Precision, recall and F1 over thresholds; near the model's threshold {curve.threshold:.2f}: {told}.",
        [
            Series("dashed", _over(curve.precision)),
            Series("dotted", _over(curve.recall)),
            Series("", _over(curve.f1)),
        ],
        x_title="threshold",
        marks=[(curve.threshold, f"{curve.threshold:.2f}")],
        is_small=True,
        is_percent=False,
    )


def _over(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    return list(zip(CURVE_THRESHOLDS, values, strict=True))


@dataclass(frozen=True)
class ShownMistake:
    """A mistake with the pieces of its text, or None where it is withheld."""

    mistake: Mistake
    article: Article
    pieces: tuple[Segment, ...] | None


def _shown(mistake: Mistake, shows_sensitive: bool) -> ShownMistake:
    spans = [(piece.start, piece.end) for piece in mistake.evidence]
    is_shown = shows_sensitive or not mistake.is_sensitive
    return ShownMistake(mistake, article_of(mistake.label), segments(mistake.text, spans) if is_shown else None)


def _drift_rows(here: Profile, corpus: Profile | None) -> list[tuple[str, str, str]]:
    def row(name: str, told: Any) -> tuple[str, str, str]:
        return name, told(here), told(corpus) if corpus else NOT_RECORDED

    rows = [
        row("Words a report, median (5% to 95%)", lambda p: _spread(p.words, "{:,.0f}")),
        row("Words unknown to the model, median (5% to 95%)", lambda p: _spread(p.unknown_words, "{:.1%}")),
        row("Reports without any article", lambda p: percent(p.empty)),
        row("Reports with unfamiliar words, perhaps not English", lambda p: percent(p.unfamiliar)),
        row("Reports too short to tell", lambda p: percent(p.too_short)),
    ]
    for offence in OFFENCES:
        name = f"Reports with article {offence.article} {short_title(offence.label)}"
        rows.append(row(name, lambda p, label=offence.label: percent(p.label_rates[label])))
    return rows


def _spread(quantiles: Sequence[float], form: str) -> str:
    low, median, high = (form.format(quantiles[i]) for i in (0, 2, 4))
    return f"{median} ({low} to {high})"
