"""Gold and predicted labels -> precision, recall, F1 per article, and the share of empty reports tagged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from treatytag.calibration import choose_thresholds, fit_calibration
from treatytag.features import Floats
from treatytag.offences import ARTICLES
from treatytag.training import HeldOut

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ArticleScore:
    """Precision, recall and F1 in [0, 1] for one article; `support` counts its gold reports."""

    article: int
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation:
    """How predicted articles compare with gold ones.

    Attributes:
        articles: one score per article, in treaty order.
        micro_f1: F1 over all report-article cells.
        macro_f1: mean F1 of the articles that have gold reports.
        empty_tagged: share of the `empty_reports` that got any tag.
        calibration_error: expected calibration error over all cells, 10 equal-width bins.
        n_reports: number of reports.
        n_empty: number of `empty_reports`.
    """

    articles: tuple[ArticleScore, ...]
    micro_f1: float
    macro_f1: float
    empty_tagged: float
    calibration_error: float
    n_reports: int
    n_empty: int

    def as_dict(self) -> dict[str, object]:
        """Return plain values, floats rounded to 4 decimals, for JSON."""
        return json.loads(json.dumps(asdict(self)), parse_float=lambda text: round(float(text), 4))  # type: ignore[no-any-return]

    def as_table(self) -> str:
        """Return a fixed-width table for people."""
        lines = ["article  precision  recall     F1  support"]
        lines += [
            f"{s.article:>7}  {s.precision:>9.3f}  {s.recall:>6.3f}  {s.f1:>5.3f}  {s.support:>7}"
            for s in self.articles
        ]
        lines += [
            f"micro F1 {self.micro_f1:.3f}, macro F1 {self.macro_f1:.3f} over {self.n_reports} reports",
            f"empty reports tagged {self.empty_tagged:.3f} of {self.n_empty}",
            f"expected calibration error {self.calibration_error:.3f}",
        ]
        return "\n".join(lines)


def f1(hits: int, predicted: int, gold: int) -> float:
    """Return F1 from counts; 0 where there is nothing to find and nothing found."""
    return 2 * hits / (predicted + gold) if predicted + gold else 0.0


def expected_calibration_error(probabilities: Floats, gold: Flags, n_bins: int = 10) -> float:
    """Return the expected calibration error of 1-D probabilities in equal-width bins (Naeini 2015)."""
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, probabilities - gold, n_bins)
    return float(np.abs(gaps).sum() / max(len(probabilities), 1))


def empty_reports(gold: Flags, scored: Flags) -> Flags:
    """Tell which reports certainly hold no offence: none is gold, and none is contested. Shape (n_reports,)."""
    return np.asarray(~gold.any(axis=1) & scored.all(axis=1))


def evaluate(gold: Flags, predicted: Flags, probabilities: Floats, scored: Flags | None = None) -> Evaluation:
    """Compare predicted with gold labels, all of shape (n_reports, n_labels), columns in treaty order.

    Args:
        gold: human labels.
        predicted: labels the model assigned.
        probabilities: calibrated, in [0, 1].
        scored: False for contested cells, which count nowhere; default all True.
    """
    scored = np.ones_like(gold) if scored is None else scored
    gold, predicted = gold & scored, predicted & scored
    hits, found, wanted = (gold & predicted).sum(0), predicted.sum(0), gold.sum(0)
    scores = tuple(
        ArticleScore(
            article,
            precision=float(h / f) if f else 0.0,
            recall=float(h / w) if w else 0.0,
            f1=f1(int(h), int(f), int(w)),
            support=int(w),
        )
        for article, h, f, w in zip(ARTICLES, hits, found, wanted, strict=True)
    )
    supported = [s.f1 for s in scores if s.support]
    empty = empty_reports(gold, scored)
    return Evaluation(
        articles=scores,
        micro_f1=f1(int(hits.sum()), int(found.sum()), int(wanted.sum())),
        macro_f1=sum(supported) / max(len(supported), 1),
        empty_tagged=float(predicted[empty].any(axis=1).mean()) if empty.any() else 0.0,
        calibration_error=expected_calibration_error(probabilities[scored], gold[scored]),
        n_reports=len(gold),
        n_empty=int(empty.sum()),
    )


def held_out_answers(held_out: HeldOut) -> tuple[Floats, Floats]:
    """Calibrate and cut each fold by the other folds' scores alone.

    Returns:
        Probabilities and the thresholds they are held against, both of shape (n_examples, n_labels).
    """
    probabilities, thresholds = np.empty(held_out.scores.shape), np.empty(held_out.scores.shape)
    for number in np.unique(held_out.folds):
        fold = held_out.folds == number
        calibration = fit_calibration(held_out.scores[~fold], held_out.targets[~fold])
        thresholds[fold] = choose_thresholds(calibration.probabilities(held_out.scores[~fold]))
        probabilities[fold] = calibration.probabilities(held_out.scores[fold])
    return probabilities, thresholds


def cross_validate(held_out: HeldOut) -> Evaluation:
    """Evaluate the `held_out_answers`."""
    probabilities, thresholds = held_out_answers(held_out)
    return evaluate(held_out.targets.astype(bool), probabilities >= thresholds, probabilities)
