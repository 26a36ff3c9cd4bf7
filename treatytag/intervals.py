"""Gold and predicted cells -> precision, recall and F1 with bootstrap intervals over reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from treatytag.evaluation import Flags, empty_reports
from treatytag.features import Floats

N_RESAMPLES = 2000
SEED = 20241224  # the day the General Assembly adopted the Convention
_CELLS = 4_000_000  # of the resamples held in memory at once


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval; each is None where there is nothing to compute it from."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return "none" if self.value is None else f"{self.value:.3f}"

    def __format__(self, form: str) -> str:
        return format(str(self), form)


@dataclass(frozen=True)
class Estimates:
    """Figures of one set of reports; the lists have one entry per article, in treaty order."""

    micro_f1: Estimate
    macro_f1: Estimate
    empty_tagged: Estimate
    precision: tuple[Estimate, ...]
    recall: tuple[Estimate, ...]
    f1: tuple[Estimate, ...]


def estimate(gold: Flags, predicted: Flags, scored: Flags | None = None) -> Estimates:
    """Compute the figures and their percentile intervals; resamples are of whole reports, with a fixed seed.

    Args:
        gold: human labels, shape (n_reports, n_labels).
        predicted: the model's, same shape.
        scored: same shape, False for contested cells, which count nowhere; default all True.
    """
    scored = np.ones_like(gold) if scored is None else scored
    gold, predicted = gold & scored, predicted & scored
    empty = empty_reports(gold, scored)
    in_vain = np.asarray(empty & predicted.any(axis=1))
    cells = np.hstack([gold & predicted, predicted, gold, np.column_stack([empty, in_vain])]).astype(float)
    found = _figures(np.ones((1, len(gold))) @ cells)
    resampled = [_figures(weights @ cells) for weights in _resamples(len(gold))]
    figures = [
        _with_interval(value[0], np.concatenate([part[i] for part in resampled])) for i, value in enumerate(found)
    ]
    n_labels = gold.shape[1]
    micro, macro, empty_tagged, *rest = figures
    precision, recall, f1 = (tuple(rest[i * n_labels : (i + 1) * n_labels]) for i in range(3))
    return Estimates(micro, macro, empty_tagged, precision, recall, f1)


def _resamples(n_reports: int) -> Iterator[Floats]:
    """Yield how often each report was drawn, in parts of shape (n, n_reports)."""
    random = np.random.default_rng(SEED)
    size = max(1, min(N_RESAMPLES, _CELLS // n_reports))
    for start in range(0, N_RESAMPLES, size):
        drawn = random.integers(n_reports, size=(min(size, N_RESAMPLES - start), n_reports))
        yield np.stack([np.bincount(row, minlength=n_reports) for row in drawn]).astype(float)


def _figures(sums: Floats) -> list[Floats]:
    """Return each figure of some resamples, from the sums of their cells; NaN where it has no meaning."""
    n_labels = (sums.shape[1] - 2) // 3
    hits, found, wanted = (sums[:, i * n_labels : (i + 1) * n_labels] for i in range(3))
    f1 = _ratio(2 * hits, found + wanted)
    micro = _ratio(2 * hits.sum(1), (found + wanted).sum(1))
    has_gold = wanted > 0
    macro = _ratio(np.where(has_gold, np.nan_to_num(f1), 0.0).sum(1), has_gold.sum(1))
    precision, recall = _ratio(hits, found), _ratio(hits, wanted)
    return [micro, macro, _ratio(sums[:, -1], sums[:, -2]), *precision.T, *recall.T, *f1.T]


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _with_interval(value: float, resampled: Floats) -> Estimate:
    if np.isnan(value):
        return Estimate(None)
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
