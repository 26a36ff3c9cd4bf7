"""Examples and the rulings they cite -> which concepts go with each ruling, to find rulings near a report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.pipeline import Pipeline

from treatytag.corpus import Example
from treatytag.features import Floats
from treatytag.rulings import all_rulings


def fit_profiles(pipeline: Pipeline, examples: Sequence[Example]) -> Floats:
    """Return each ruling's mean TF-IDF of concept n-grams, of unit length (Rocchio 1971), shape (n_rulings, n_ngrams).

    An example that cites several rulings counts for each in part. Only single concepts have weight: the few hundred
    of them do nearly as well here as all their combinations.
    """
    vectoriser = dict(pipeline["features"].transformer_list)["concepts"]
    features = vectoriser.transform([e.text for e in examples])
    rows = [{int(ruling.partition("+")[0]) for ruling in e.rulings if ruling[0].isdigit()} for e in examples]
    shares = np.array([[(ruling.row in cited) / max(len(cited), 1) for ruling in all_rulings()] for cited in rows])
    profiles = np.asarray((features.T @ shares).T)
    profiles[:, [" " in ngram for ngram in vectoriser.get_feature_names_out()]] = 0.0
    lengths = np.linalg.norm(profiles, axis=1, keepdims=True)
    return profiles / np.where(lengths == 0.0, 1.0, lengths)
