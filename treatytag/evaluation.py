"""What every figure rests on: which reports are empty, how far probabilities are off, answers out of fold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from treatytag.calibration import fit_calibration, fit_thresholds
from treatytag.features import Floats
from treatytag.training import HeldOut

Flags = npt.NDArray[np.bool_]


def expected_calibration_error(probabilities: Floats, gold: Flags, n_bins: int = 10) -> float:
    """Return the expected calibration error of 1-D probabilities in equal-width bins (Naeini 2015)."""
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, probabilities - gold, n_bins)
    return float(np.abs(gaps).sum() / max(len(probabilities), 1))


def empty_reports(gold: Flags, scored: Flags) -> Flags:
    """Tell which reports certainly hold no offence: none is gold, and none is contested. Shape (n_reports,)."""
    return np.asarray(~gold.any(axis=1) & scored.all(axis=1))


def held_out_answers(held_out: HeldOut) -> tuple[Floats, Floats]:
    """Calibrate and cut each fold by the other folds' scores alone.

    Returns:
        Probabilities and the thresholds they are held against, both of shape (n_examples, n_labels).
    """
    probabilities, thresholds = np.empty(held_out.scores.shape), np.empty(held_out.scores.shape)
    for number in np.unique(held_out.folds):
        fold = held_out.folds == number
        others, targets = held_out.scores[~fold], held_out.targets[~fold]
        calibration = fit_calibration(others, targets)
        probabilities[fold] = calibration.probabilities(held_out.scores[fold])
        chosen = fit_thresholds(calibration.probabilities(others), targets)
        thresholds[fold] = chosen.cells(probabilities[fold])
    return probabilities, thresholds
