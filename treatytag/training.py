"""Examples -> fitted scikit-learn pipelines and out-of-fold scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import joblib
import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from treatytag.corpus import Example, folds_of, targets_of
from treatytag.errors import CorpusError
from treatytag.features import Floats
from treatytag.lexicon import Lexicon
from treatytag.ngrams import CHAR_NGRAMS, WORD_NGRAMS
from treatytag.offences import ARTICLES

N_FOLDS = 5
MIN_EXAMPLES = 2 * N_FOLDS  # of each article
SEED = 20241224  # the day the General Assembly adopted the Convention

# Of the two halves of each label's model (see NaiveBayesLogistic), chosen by cross-validation: half and double
# move micro-F1 by less than half a point.
PLAIN_C = 20.0
WEIGHTED_C = 100.0
SMOOTHING = 1.0
# What counts less than words: concepts in full crowd these out (cross-validated micro-F1 loses half a point); of
# characters more or less moves it by a tenth of that.
WEIGHTS = {"chars": 0.6, "concepts": 0.5, "pairs": 0.5}
# An n-gram seen in fewer reports is a name or a number, and would double the model.
MIN_REPORTS = 3


def logistic(inverse_regularisation: float) -> LogisticRegression:
    """Return the unfitted estimator of every linear model here."""
    # The dual solver reaches the primal one's weights (correlation above .99999) in a quarter of the time,
    # and is deterministic for a fixed seed.
    return LogisticRegression(C=inverse_regularisation, solver="liblinear", dual=True, tol=3e-2, random_state=SEED)


class NaiveBayesLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """The mean of two logistic regressions: one on the features, one on features weighted by naive Bayes.

    The second multiplies each feature by its log-count ratio between reports with and without the label
    (Wang and Manning 2012), so a telling word of few examples counts at once: it does better on reports
    unlike the corpus, the plain one on reports like it, their mean on both. Both are linear, and so is this.

    Attributes:
        coef_: shape (1, n_features).
        intercept_: shape (1,).
        classes_: [0, 1].
    """

    def fit(self, features: sparse.csr_matrix, targets: npt.NDArray[np.int8]) -> NaiveBayesLogistic:
        """Fit to sparse features and 0/1 targets."""
        present = sparse.csr_matrix((np.ones_like(features.data), features.indices, features.indptr), features.shape)
        with_label = present.T @ targets + SMOOTHING
        without_label = present.T @ (1 - targets) + SMOOTHING
        ratios = np.log(with_label / with_label.sum()) - np.log(without_label / without_label.sum())
        weighted = features.copy()
        weighted.data *= ratios[weighted.indices]
        plain_half = logistic(PLAIN_C).fit(features, targets)
        weighted_half = logistic(WEIGHTED_C).fit(weighted, targets)
        self.coef_ = (plain_half.coef_ + weighted_half.coef_ * ratios) / 2
        self.intercept_ = (plain_half.intercept_ + weighted_half.intercept_) / 2
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, features: sparse.csr_matrix) -> Floats:
        """Return log-odds, shape (n_reports,)."""
        return np.asarray(features @ self.coef_[0] + self.intercept_[0])


def build_pipeline(lexicon: Lexicon) -> Pipeline:
    """Return the unfitted pipeline: TF-IDF of words, characters, concepts and pairs, one linear model per label."""
    shared = {"min_df": MIN_REPORTS, "sublinear_tf": True}
    features = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=WORD_NGRAMS, **shared)),
            ("chars", TfidfVectorizer(analyzer="char_wb", ngram_range=CHAR_NGRAMS, **shared)),
            ("concepts", TfidfVectorizer(tokenizer=lexicon, token_pattern=None, ngram_range=WORD_NGRAMS, **shared)),
            ("pairs", TfidfVectorizer(analyzer=lexicon.pairs, **shared)),
        ],
        transformer_weights=WEIGHTS,
    )
    return Pipeline([("features", features), ("classifier", OneVsRestClassifier(NaiveBayesLogistic()))])


@dataclass(frozen=True)
class HeldOut:
    """Out-of-fold scores: each example scored by a pipeline that saw no example of its scenario.

    Attributes:
        scores: log-odds, uncalibrated, shape (n_examples, n_labels).
        targets: gold labels as 0/1, same shape.
        folds: fold numbers, shape (n_examples,).
        familiarity: share of an example's words that its pipeline knew, shape (n_examples,).
    """

    scores: Floats
    targets: npt.NDArray[np.int8]
    folds: npt.NDArray[np.int64]
    familiarity: Floats


def fit_with_folds(examples: Sequence[Example], lexicon: Lexicon, n_jobs: int = 2) -> tuple[Pipeline, HeldOut]:
    """Fit the pipeline on all `examples`, and again without each grouped fold to score what was held out.

    Raises:
        CorpusError: an article has too few examples.
    """
    for article, count in zip(ARTICLES, targets_of(examples).sum(axis=0), strict=True):
        if count < MIN_EXAMPLES:
            raise CorpusError(
                f"article {article} has {count} examples and needs {MIN_EXAMPLES}; label more, or train on top of the "
                "shipped corpus with --add."
            )
    folds = folds_of(examples, N_FOLDS, SEED)
    texts = np.array([e.text for e in examples], dtype=object)
    targets = targets_of(examples)
    # the fit on everything takes longest, so it goes first
    everything, *parts = joblib.Parallel(n_jobs=n_jobs)(
        joblib.delayed(_fit_without)(texts, targets, folds == number, lexicon) for number in (-1, *range(N_FOLDS))
    )
    scores, familiarity = np.empty(targets.shape), np.empty(len(folds))
    for number, (_, fold_scores, fold_familiarity) in enumerate(parts):
        scores[folds == number], familiarity[folds == number] = fold_scores, fold_familiarity
    return everything[0], HeldOut(scores, targets, folds, familiarity)


def _fit_without(
    texts: npt.NDArray[np.object_], targets: npt.NDArray[np.int8], held_out: npt.NDArray[np.bool_], lexicon: Lexicon
) -> tuple[Pipeline | None, Floats, Floats]:
    """Fit on what is not held out; return the pipeline if nothing is, and else the scores and familiarity of that."""
    pipeline = build_pipeline(lexicon).fit(texts[~held_out], targets[~held_out])
    if not held_out.any():
        return pipeline, np.empty(0), np.empty(0)
    vectoriser = dict(pipeline["features"].transformer_list)["words"]
    words = map(vectoriser.build_tokenizer(), map(str.lower, texts[held_out]))
    familiarity = [np.mean([word in vectoriser.vocabulary_ for word in found]) if found else 0.0 for found in words]
    return None, np.asarray(pipeline.decision_function(texts[held_out])), np.array(familiarity)
