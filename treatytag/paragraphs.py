"""Examples and their article -> the paragraph each tells of: a small linear model within each article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from treatytag.corpus import Example
from treatytag.features import Floats
from treatytag.offences import BY_LABEL, PARAGRAPHS
from treatytag.training import logistic

# A paragraph is named only where at least this share of such answers was right out of fold: "where it can be told".
MIN_PRECISION = 0.85
MIN_EXAMPLES = 50
INVERSE_REGULARISATION = 10.0


@dataclass(frozen=True)
class ParagraphModel:
    """Weights of word n-grams for each paragraph, in the order of `offences.PARAGRAPHS`.

    Attributes:
        weights: shape (n_word_ngrams, n_paragraphs); with the n-grams' TF-IDF they give a score.
        limits: score at or above which a paragraph is named, infinite where precision was never enough.
        recalls: share of the examples telling a paragraph to which it was given out of fold.
    """

    weights: Floats
    limits: tuple[float, ...]
    recalls: tuple[float, ...]


def fit_paragraphs(pipeline: Pipeline, examples: Sequence[Example], folds: npt.NDArray[np.int64]) -> ParagraphModel:
    """Fit one logistic regression a paragraph, to the examples of its article; limits from the folds."""
    vectoriser = dict(pipeline["features"].transformer_list)["words"]
    features = vectoriser.transform([e.text for e in examples])
    weights = np.zeros((features.shape[1], len(PARAGRAPHS)))
    limits, recalls = [], []
    for column, (number, label) in enumerate(PARAGRAPHS.items()):
        article = BY_LABEL[label].article
        rows = np.flatnonzero([article in e.articles for e in examples])
        targets = np.array([number in e.paragraphs for e in examples if article in e.articles])
        limit, recall = np.inf, 0.0
        if targets.sum() >= MIN_EXAMPLES:
            scores = np.empty(len(rows))
            for fold in np.unique(folds):
                held_out = folds[rows] == fold
                scores[held_out] = _scores(features[rows[~held_out]], targets[~held_out], features[rows[held_out]])
            limit, recall = _limit(scores, targets)
            model = _fit(features[rows], targets)
            weights[:, column] = model.coef_[0]
            limit -= model.intercept_[0]
        limits.append(float(limit))
        recalls.append(float(recall))
    return ParagraphModel(weights, tuple(limits), tuple(recalls))


def _fit(features: sparse.csr_matrix, targets: npt.NDArray[np.bool_]) -> LogisticRegression:
    return logistic(INVERSE_REGULARISATION).fit(features, targets)


def _scores(train: sparse.csr_matrix, targets: npt.NDArray[np.bool_], held_out: sparse.csr_matrix) -> Floats:
    return np.asarray(_fit(train, targets).decision_function(held_out))


def _limit(scores: Floats, targets: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the lowest limit above which precision is enough, and the recall there."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(targets[order])
    enough = np.flatnonzero(hits / np.arange(1, len(hits) + 1) >= MIN_PRECISION)
    if not len(enough):
        return np.inf, 0.0
    return round(float(scores[order[enough[-1]]]), 4), hits[enough[-1]] / hits[-1]
