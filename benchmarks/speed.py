"""How much faster than the same weights in scikit-learn? CPU seconds of one process, ratios within one run.

python benchmarks/speed.py
"""

import copy
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline
from texts import ROOT, fitted, reports

from treatytag import Tagger
from treatytag.packing import calibrated_pipeline
from treatytag.tagger import BATCH_TEXTS

N_REPORTS = 6000
REPEATS = 3


def only(pipeline: Pipeline, names: set[str]) -> Pipeline:
    """Return the pipeline with some of its branches, and their weights, alone."""
    features = pipeline["features"]
    widths = [len(vectoriser.get_feature_names_out()) for _, vectoriser in features.transformer_list]
    kept = np.concatenate(
        [np.full(width, name in names) for (name, _), width in zip(features.transformer_list, widths, strict=True)]
    )
    part = copy.deepcopy(pipeline)
    part.steps[0] = ("features", FeatureUnion([item for item in features.transformer_list if item[0] in names]))
    for estimator in part["classifier"].estimators_:
        estimator.coef_ = estimator.coef_[:, kept]
    return part


def rate(work: Callable[[list[str]], object], texts: list[str]) -> float:
    """Return reports per CPU second, the best of some repeats."""
    seconds = []
    for _ in range(REPEATS):
        start = process_time()
        work(texts)
        seconds.append(process_time() - start)
    return len(texts) / min(seconds)


def tag(tagger: Tagger, texts: list[str]) -> None:
    """Tag in the batches of a real run."""
    for start in range(0, len(texts), BATCH_TEXTS):
        tagger.probabilities(texts[start : start + BATCH_TEXTS])


def main() -> None:
    """Print the table."""
    pipeline = calibrated_pipeline(*fitted())
    texts = list(reports(N_REPORTS))
    fresh = list(reports(N_REPORTS, seed=8))
    rates = {
        "scikit-learn, the whole model": rate(pipeline.predict_proba, texts),
        "scikit-learn, words and characters": rate(only(pipeline, {"words", "chars"}).predict_proba, texts),
        "scikit-learn, words alone": rate(only(pipeline, {"words"}).predict_proba, texts),
    }
    tagger = Tagger.load(Path(ROOT / "model"))
    start = process_time()
    tag(tagger, fresh)
    rates["treatytag, tokens never met before"] = len(fresh) / (process_time() - start)
    rates["treatytag"] = rate(lambda batch: tag(tagger, batch), texts)
    print(f"reports of {sum(map(len, texts)) / len(texts):.0f} characters, one core\n")
    print("| what | reports a CPU second | treatytag is faster by |\n| --- | ---: | ---: |")
    for name, value in rates.items():
        print(f"| {name} | {value:,.0f} | {rates['treatytag'] / value:.1f} |")


if __name__ == "__main__":
    main()
