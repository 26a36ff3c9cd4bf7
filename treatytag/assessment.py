"""Gold labels, probabilities and thresholds -> every figure of an evaluation that needs no text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from treatytag.calibration import doubts
from treatytag.evaluation import Flags, empty_reports, expected_calibration_error
from treatytag.features import Floats
from treatytag.intervals import Estimate, estimate
from treatytag.offences import ARTICLES, LABELS

N_BINS = 10
CURVE_THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))
REVIEW_SHARES = tuple(round(0.05 * step, 2) for step in range(20))
NAMED_SHARES = (0.1, 0.2, 0.3)


@dataclass(frozen=True)
class ArticleFigures:
    """How one article fares: `support` gold reports, `given` tags, `hits` in both.

    `calibration_error` is the expected calibration error of this article's probabilities.
    """

    article: int
    label: str
    support: int
    given: int
    hits: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    calibration_error: float


@dataclass(frozen=True)
class Bin:
    """Cells with a probability from `low` up to `high`: how many, their mean probability, the share that is gold."""

    low: float
    high: float
    count: int
    probability: float | None
    gold: float | None


@dataclass(frozen=True)
class ReviewPoint:
    """What review of the most doubtful reports brings.

    Attributes:
        share: of the reports, reviewed.
        reports: how many these are.
        f1: micro F1 of the others; None where these hold nothing to find.
        errors_found: share of all wrong cells that the reviewed reports hold; None where nothing is wrong.
    """

    share: float
    reports: int
    f1: float | None
    errors_found: float | None


@dataclass(frozen=True)
class ThresholdCurve:
    """Precision, recall and F1 of one article at `CURVE_THRESHOLDS`; None where there is nothing to divide by."""

    article: int
    label: str
    threshold: float
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]
    f1: tuple[float | None, ...]


@dataclass(frozen=True)
class Assessment:
    """All of them.

    `confusion` has one row per gold article and then "none", one column per given article and then "none".
    """

    n_reports: int
    n_empty: int
    n_contested: int
    micro_f1: Estimate
    macro_f1: Estimate
    empty_tagged: Estimate
    calibration_error: float
    articles: tuple[ArticleFigures, ...]
    confusion: tuple[tuple[float, ...], ...]
    bins: tuple[Bin, ...]
    review: tuple[ReviewPoint, ...]
    named_reviews: tuple[ReviewPoint, ...]
    curves: tuple[ThresholdCurve, ...]

    def as_table(self) -> str:
        """Return precision, recall and F1 per article, and the figures over all, as a fixed-width table for people."""
        lines = ["article  precision  recall     F1  support"]
        lines += [f"{a.article:>7}  {a.precision:>9}  {a.recall:>6}  {a.f1:>5}  {a.support:>7}" for a in self.articles]
        lines += [
            f"micro F1 {_with_range(self.micro_f1)}",
            f"macro F1 {_with_range(self.macro_f1)}",
            f"empty reports tagged {_with_range(self.empty_tagged)}",
            f"expected calibration error {self.calibration_error:.3f}",
            f"over {self.n_reports} reports, {self.n_empty} of them empty; in brackets 95% intervals",
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return what is saved of a model and shown in its card, as plain values, floats rounded to 4 decimals."""
        named = ("precision", "recall", "f1")
        figures = {
            "articles": [
                {"article": a.article}
                | {name: getattr(a, name).value for name in named}
                | {"support": a.support, "calibration_error": a.calibration_error}
                for a in self.articles
            ],
            "micro_f1": self.micro_f1.value,
            "macro_f1": self.macro_f1.value,
            "empty_tagged": self.empty_tagged.value,
            "calibration_error": self.calibration_error,
            "intervals": {
                name: [getattr(self, name).low, getattr(self, name).high]
                for name in ("micro_f1", "macro_f1", "empty_tagged")
            },
            "n_reports": self.n_reports,
            "n_empty": self.n_empty,
            "bins": [asdict(b) for b in self.bins],
            "review": [asdict(point) for point in self.review],
            "named_reviews": [asdict(point) for point in self.named_reviews],
        }
        return json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))  # type: ignore[no-any-return]


def _with_range(figure: Estimate) -> str:
    return f"{figure} ({figure.low:.3f} to {figure.high:.3f})" if figure.low is not None else str(figure)


def assess(
    gold: Flags,
    probabilities: Floats,
    thresholds: Floats,
    scored: Flags | None = None,
    marks: Sequence[float] | None = None,
) -> Assessment:
    """Compare the model with gold labels, all arrays of shape (n_reports, n_labels), columns in treaty order.

    Args:
        gold: human labels.
        probabilities: calibrated, in [0, 1].
        thresholds: shape (n_labels,), or one for every cell.
        scored: False for contested cells, which count nowhere; default all True.
        marks: the threshold of each label that its curve tells, in treaty order; default the lowest of its cells.
    """
    scored = np.ones_like(gold) if scored is None else scored
    thresholds = np.broadcast_to(thresholds, probabilities.shape)
    predicted = (probabilities >= thresholds) & scored
    gold = gold & scored
    estimates = estimate(gold, predicted, scored)
    articles = tuple(
        ArticleFigures(
            article,
            label,
            int(gold[:, i].sum()),
            int(predicted[:, i].sum()),
            int((gold & predicted)[:, i].sum()),
            estimates.precision[i],
            estimates.recall[i],
            estimates.f1[i],
            expected_calibration_error(probabilities[scored[:, i], i], gold[scored[:, i], i]),
        )
        for i, (article, label) in enumerate(zip(ARTICLES, LABELS, strict=True))
    )
    by_doubt = np.argsort(-doubts(probabilities, thresholds), kind="stable")
    return Assessment(
        n_reports=len(gold),
        n_empty=int(empty_reports(gold, scored).sum()),
        n_contested=int((~scored).sum()),
        micro_f1=estimates.micro_f1,
        macro_f1=estimates.macro_f1,
        empty_tagged=estimates.empty_tagged,
        calibration_error=expected_calibration_error(probabilities[scored], gold[scored]),
        articles=articles,
        confusion=tuple(map(tuple, confusion(gold, predicted).tolist())),
        bins=reliability(probabilities[scored], gold[scored]),
        review=tuple(_review(gold, predicted, by_doubt, share) for share in REVIEW_SHARES),
        named_reviews=tuple(_review(gold, predicted, by_doubt, share) for share in NAMED_SHARES),
        curves=tuple(
            _curve(i, gold, probabilities, scored, mark)
            for i, mark in enumerate(thresholds.min(axis=0).tolist() if marks is None else marks)
        ),
    )


def confusion(gold: Flags, predicted: Flags) -> Floats:
    """Tell which article was given where which was gold, shape (n_labels + 1, n_labels + 1).

    Within a report, articles missed and articles wrongly given are paired, evenly where there are several; what
    has no partner goes to the last column (missed, nothing given instead) or the last row (given, nothing missed).
    So rows sum to the gold reports of each article and columns to its tags. The last cell counts the reports with
    neither.
    """
    missed, wrong = (gold & ~predicted).astype(float), (predicted & ~gold).astype(float)
    n_missed, n_wrong = missed.sum(1), wrong.sum(1)
    most = np.maximum(np.maximum(n_missed, n_wrong), 1.0)
    n_labels = gold.shape[1]
    matrix = np.zeros((n_labels + 1, n_labels + 1))
    matrix[:-1, :-1] = missed.T @ (wrong / most[:, None]) + np.diag((gold & predicted).sum(0))
    matrix[:-1, -1] = missed.T @ (1.0 - n_wrong / most)
    matrix[-1, :-1] = wrong.T @ (1.0 - n_missed / most)
    matrix[-1, -1] = (~gold.any(1) & ~predicted.any(1)).sum()
    return matrix


def reliability(probabilities: Floats, gold: Flags) -> tuple[Bin, ...]:
    """Sort 1-D probabilities into equal-width bins and compare each bin's mean with its share of gold."""
    places = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    counts = np.bincount(places, minlength=N_BINS)
    sums = np.bincount(places, probabilities, N_BINS)
    hits = np.bincount(places, gold, N_BINS)
    return tuple(
        Bin(i / N_BINS, (i + 1) / N_BINS, int(n), float(p / n) if n else None, float(h / n) if n else None)
        for i, (n, p, h) in enumerate(zip(counts, sums, hits, strict=True))
    )


def _review(gold: Flags, predicted: Flags, by_doubt: np.typing.NDArray[np.intp], share: float) -> ReviewPoint:
    n_reviewed = round(share * len(gold))
    rest = by_doubt[n_reviewed:]
    wrong = gold != predicted
    n_wrong = int(wrong.sum())
    return ReviewPoint(
        share,
        n_reviewed,
        _f1(gold[rest], predicted[rest]),
        float(wrong[by_doubt[:n_reviewed]].sum() / n_wrong) if n_wrong else None,
    )


def _f1(gold: Flags, predicted: Flags) -> float | None:
    return _share(2 * (gold & predicted).sum(), gold.sum() + predicted.sum())


def _share(part: int | np.int64, whole: int | np.int64) -> float | None:
    return float(part / whole) if whole else None


def _curve(column: int, gold: Flags, probabilities: Floats, scored: Flags, threshold: float) -> ThresholdCurve:
    kept = scored[:, column]
    wanted, p = gold[kept, column], probabilities[kept, column]
    given = p[:, None] >= np.array(CURVE_THRESHOLDS)
    hits, found, n_wanted = (given & wanted[:, None]).sum(0), given.sum(0), wanted.sum()
    return ThresholdCurve(
        ARTICLES[column],
        LABELS[column],
        threshold,
        tuple(map(_share, hits, found)),
        tuple(_share(h, n_wanted) for h in hits),
        tuple(map(_share, 2 * hits, found + n_wanted)) if n_wanted else (None,) * len(CURVE_THRESHOLDS),
    )
