"""Out-of-fold scores -> calibrated probabilities -> thresholds and the review limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from treatytag.decision import Thresholds
from treatytag.features import Floats

REVIEW_SHARE = 0.2  # of the reports like those of the corpus, the most doubtful ones

# Of the examples, the share whose words were less familiar than the limit below which a text is flagged.
UNFAMILIAR_SHARE = 0.005


@dataclass(frozen=True)
class Preference:
    """What thresholds are chosen for.

    Attributes:
        beta: of F-beta: with 2, a missed article costs four times a false tag; with 0.5 the other way round.
        empty_tagged: of the examples without an offence, the share that may get a tag.
    """

    beta: float
    empty_tagged: float


# 0.09, not 0.12 as the goal is for real reports: on whole genres held out, a quarter more empties are tagged than on
# folds. Whoever wants to miss little takes what comes.
PREFERENCES = {
    "balanced": Preference(1.0, 0.09),
    "recall": Preference(2.0, 1.0),
    "precision": Preference(0.5, 0.045),
}


@dataclass(frozen=True)
class Calibration:
    """Joint Platt scaling: probabilities = sigmoid(scores @ slopes + intercepts).

    Attributes:
        slopes: shape (n_labels, n_labels); column k says what each label's score tells about label k.
        intercepts: shape (n_labels,).
    """

    slopes: Floats
    intercepts: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """Return probabilities in [0, 1], shape as `scores`."""
        return np.asarray(expit(scores @ self.slopes + self.intercepts))


def fit_calibration(scores: Floats, targets: npt.NDArray[np.int8]) -> Calibration:
    """Fit one sigmoid per label to the out-of-fold scores of all labels (Platt 1999, with neighbours).

    Labels come in company (12 with 13, 9 with 7) and exclude each other (14 and 16): what the others score tells
    more than the label's own score alone. A sigmoid and not isotonic regression: rare labels have too few positives
    for steps, and a sigmoid of linear scores folds into the weights, so a calibrated model is still one plain
    logistic regression per label.
    """
    fitted = [LogisticRegression(max_iter=1000).fit(scores, target) for target in targets.T]
    return Calibration(
        np.column_stack([model.coef_[0] for model in fitted]),
        np.array([model.intercept_[0] for model in fitted]),
    )


def fit_thresholds(probabilities: Floats, targets: npt.NDArray[np.int8], prefer: str = "balanced") -> Thresholds:
    """Choose thresholds by out-of-fold probabilities, all rounded to 3 decimals.

    Those of the labels are for the best *expected* F-beta: expected counts (sums of calibrated probabilities) stand in
    for gold counts, so the curve is smooth, and a threshold does not chase the noise of a handful of positives. The
    bar of the first tag is the lowest that keeps to the preference's share of empties tagged.
    """
    preference = PREFERENCES[prefer]
    labels = _best_expected(probabilities, preference.beta)
    empty = probabilities[~targets.any(axis=1)]
    is_tagged = (empty >= labels).any(axis=1)
    highest = np.sort(np.where(is_tagged, empty.max(axis=1, initial=0.0), 0.0))[::-1]
    n_allowed = int(preference.empty_tagged * len(empty))
    must_not = highest[n_allowed] if n_allowed < len(highest) else 0.0
    first = (np.floor(must_not * 1000) + 1) / 1000 if must_not > 0 else 0.0
    return Thresholds(tuple(labels.tolist()), float(min(first, 1.0)))


def _best_expected(probabilities: Floats, beta: float) -> Floats:
    thresholds = np.empty(probabilities.shape[1])
    for column in range(probabilities.shape[1]):
        descending = np.sort(probabilities[:, column])[::-1]
        hits = np.cumsum(descending)
        scores = (1 + beta**2) * hits / (np.arange(1, len(hits) + 1) + beta**2 * hits[-1])
        best = int(np.argmax(scores))
        following = descending[best + 1] if best + 1 < len(descending) else 0.0
        thresholds[column] = round((descending[best] + following) / 2, 3)
    return thresholds


def doubts(probabilities: Floats, thresholds: Floats) -> Floats:
    """Return each report's expected number of wrong labels, shape (n_reports,).

    A tag given is wrong with 1 - p, a tag withheld with p.
    """
    given = probabilities >= thresholds
    return np.asarray(np.where(given, 1.0 - probabilities, probabilities).sum(axis=1))


def review_limit(probabilities: Floats, thresholds: Floats) -> float:
    """Return the doubt above which a report needs review, so that REVIEW_SHARE of these do."""
    return round(float(np.quantile(doubts(probabilities, thresholds), 1.0 - REVIEW_SHARE)), 3)


def familiarity_limit(familiarity: Floats) -> float:
    """Return the share of known words below which a text is unlike the corpus: all but UNFAMILIAR_SHARE have more."""
    return round(float(np.quantile(familiarity, UNFAMILIAR_SHARE)), 3)
