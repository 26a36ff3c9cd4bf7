"""Fitted pipeline + calibration -> model folder, or a plain scikit-learn pipeline with the same answers."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from treatytag.artefact import DESCRIPTION_FILE, FORMAT, FORMAT_VERSION, LEXICON_FILE, WEIGHTS_FILE, model_id_of
from treatytag.assessment import Assessment
from treatytag.calibration import PREFERENCES, Calibration, familiarity_limit, fit_thresholds, review_limit
from treatytag.card import refresh_card
from treatytag.corpus import Example, corpus_sha256
from treatytag.drift import profile_of
from treatytag.features import Floats
from treatytag.ngrams import find_words
from treatytag.offences import LABELS, PARAGRAPHS
from treatytag.paragraphs import ParagraphModel
from treatytag.training import HeldOut


def calibrated_pipeline(pipeline: Pipeline, calibration: Calibration) -> Pipeline:
    """Return plain scikit-learn with calibrated `predict_proba`, exactly what a saved model gives.

    A sigmoid of linear scores is a logistic regression: slopes go into the coefficients. Idf is rounded to
    float32 and coefficients to float16, as they are stored; that halves the model's size and moves no
    probability by a hundredth.
    """
    calibrated = copy.deepcopy(pipeline)
    for _, vectoriser in calibrated["features"].transformer_list:
        vectoriser.idf_ = vectoriser.idf_.astype(np.float32).astype(np.float64)
    classifier = calibrated["classifier"]
    coefficients = np.vstack([estimator.coef_ for estimator in classifier.estimators_])
    # rounded as they are stored, the weight of their kind of n-gram multiplied in
    scales = _scales(calibrated["features"])
    coefficients = (calibration.slopes.T @ coefficients * scales).astype(np.float16).astype(np.float64) / scales
    intercepts = np.array([estimator.intercept_[0] for estimator in classifier.estimators_])
    intercepts = intercepts @ calibration.slopes + calibration.intercepts
    classifier.estimators_ = list(map(_logistic, coefficients, intercepts))
    return calibrated


def _scales(features: FeatureUnion) -> Floats:
    """Return the weight of each n-gram's kind, shape (n_ngrams,)."""
    weights = features.transformer_weights
    return np.concatenate([np.full(len(v.idf_), weights.get(name, 1.0)) for name, v in features.transformer_list])


def _logistic(coefficients: Floats, intercept: float) -> LogisticRegression:
    logistic = LogisticRegression()
    logistic.coef_ = coefficients[None, :]
    logistic.intercept_ = np.array([intercept])
    logistic.classes_ = np.array([0, 1])
    return logistic


def export_pipeline(path: Path, pipeline: Pipeline, calibration: Calibration) -> None:
    """Dump the calibrated pipeline with joblib, for use from scikit-learn; treatytag itself never loads it."""
    calibrated = calibrated_pipeline(pipeline, calibration)
    for _, vectoriser in calibrated["features"].transformer_list:
        vars(vectoriser).pop("_stop_words_id", None)  # a memory address: no two dumps would be alike
    joblib.dump(calibrated, path, compress=3)


def write_model(
    folder: Path,
    examples: Sequence[Example],
    pipeline: Pipeline,
    calibration: Calibration,
    paragraphs: ParagraphModel,
    profiles: Floats,
    held_out: HeldOut,
    assessment: Assessment,
) -> None:
    """Write weights, lexicon, description and the cross-validation report; same arguments, same bytes.

    Args:
        folder: created if missing.
        examples: what the model learned from.
        pipeline: fitted on all examples.
        calibration: fitted to `held_out`.
        paragraphs: fitted with `pipeline`.
        profiles: fitted with `pipeline`.
        held_out: out-of-fold scores, from which thresholds and the review limit are chosen.
        assessment: of `held_out`, kept as a report.
    """
    calibrated = calibrated_pipeline(pipeline, calibration)
    features = calibrated["features"]
    coefficients = np.vstack([estimator.coef_[0] for estimator in calibrated["classifier"].estimators_])
    coefficients = (coefficients * _scales(features)).T
    arrays: dict[str, Any] = {"intercepts": np.array([e.intercept_[0] for e in calibrated["classifier"].estimators_])}
    start = 0
    for name, vectoriser in features.transformer_list:
        ngrams = vectoriser.get_feature_names_out()
        weights = coefficients[start : start + len(ngrams)]
        arrays[f"{name}_ngrams"] = np.frombuffer("\n".join(ngrams).encode("utf-8"), dtype=np.uint8)
        arrays[f"{name}_idf"] = vectoriser.idf_.astype(np.float32)
        arrays[f"{name}_weights"] = weights.astype(np.float16)
        start += len(ngrams)
    arrays["paragraph_weights"] = paragraphs.weights.astype(np.float16)
    arrays["ruling_profiles"] = profiles.T.astype(np.float16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    lexicon = json.dumps(features["concepts"].tokenizer.concepts, indent=1) + "\n"
    files = {WEIGHTS_FILE: buffer.getvalue(), LEXICON_FILE: lexicon.encode("utf-8")}

    probabilities = calibration.probabilities(held_out.scores)
    thresholds = {name: fit_thresholds(probabilities, held_out.targets, name) for name in PREFERENCES}
    limit = familiarity_limit(held_out.familiarity)
    n_words = np.array([len(find_words(example.text)) for example in examples])
    profile = profile_of(n_words, held_out.familiarity, held_out.targets, limit)
    description: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "labels": list(LABELS),
        "thresholds": {name: asdict(chosen) for name, chosen in thresholds.items()},
        "review_limit": review_limit(probabilities, thresholds["balanced"].cells(probabilities)),
        # beyond any score where a paragraph can't be told: JSON has no infinity
        "paragraph_limits": {n: min(limit, 1e6) for n, limit in zip(PARAGRAPHS, paragraphs.limits, strict=True)},
        "familiarity_limit": limit,
        "corpus": {"sha256": corpus_sha256(examples), "examples": len(held_out.targets)} | profile.as_dict(),
        "libraries": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }
    (folder / "reports").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    write_json(folder / DESCRIPTION_FILE, description)
    model_id = model_id_of((folder / DESCRIPTION_FILE).read_bytes())
    recalls = {n: round(recall, 4) for n, recall in zip(PARAGRAPHS, paragraphs.recalls, strict=True)}
    report = {"model_id": model_id} | assessment.as_dict() | {"paragraph_recall": recalls}
    write_json(folder / "reports" / "cross_validation.json", report)
    refresh_card(folder)


def write_json(path: Path, value: Any) -> None:
    """Write JSON the same way on every system."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
