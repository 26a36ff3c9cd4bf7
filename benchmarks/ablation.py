"""What does each part of the model bring? One row a variant, all learned from the same corpus in one run.

    python benchmarks/ablation.py LABELLED.jsonl [--corpus FOLDER] [--jobs 2]

Variants are calibrated and cut by out-of-fold scores like the shipped model; the plain recipe tags at 0.5.
"""

from pathlib import Path

import click
import joblib
import numpy as np
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from texts import ROOT

from treatytag.assessment import Assessment, assess
from treatytag.calibration import fit_calibration, fit_thresholds
from treatytag.corpus import Example, folds_of, read_corpus, read_lexicon, targets_of
from treatytag.features import Floats
from treatytag.labelled import LabelledReports, read_labelled_reports
from treatytag.training import N_FOLDS, PLAIN_C, SEED, build_pipeline, logistic

WORDS_AND_CHARACTERS = ("words", "chars")


def variants() -> dict[str, Pipeline]:
    """Return name -> unfitted pipeline, from the plain recipe to the shipped model."""
    shipped = build_pipeline(read_lexicon(ROOT / "training_data" / "lexicon.json"))
    plain = OneVsRestClassifier(logistic(PLAIN_C))

    def part(names: tuple[str, ...], classifier: OneVsRestClassifier) -> Pipeline:
        union = shipped["features"]
        kept = [(name, clone(vectoriser)) for name, vectoriser in union.transformer_list if name in names]
        weights = {name: weight for name, weight in union.transformer_weights.items() if name in names}
        return Pipeline([("features", FeatureUnion(kept, transformer_weights=weights)), ("classifier", classifier)])

    weighted = shipped["classifier"]
    return {
        "plain recipe, tags at 0.5": part(WORDS_AND_CHARACTERS, OneVsRestClassifier(LogisticRegression())),
        "words": part(("words",), plain),
        "words, characters": part(WORDS_AND_CHARACTERS, plain),
        "words, characters; naive-Bayes half": part(WORDS_AND_CHARACTERS, clone(weighted)),
        "words, characters, concepts; naive-Bayes half": part((*WORDS_AND_CHARACTERS, "concepts"), clone(weighted)),
        "all, as shipped": shipped,
    }


def scores_of(pipeline: Pipeline, train: list[Example], texts: list[str]) -> Floats:
    """Fit a copy; return its log-odds of some texts, shape (n_texts, n_labels)."""
    fitted = clone(pipeline).fit([e.text for e in train], targets_of(train))
    return np.asarray(fitted.decision_function(texts))


def measure(
    pipeline: Pipeline, examples: list[Example], reports: LabelledReports, at_half: bool, jobs: int
) -> tuple[Assessment, Assessment]:
    """Return the out-of-fold evaluation and that on labelled reports."""
    folds, targets = folds_of(examples, N_FOLDS, SEED), targets_of(examples)
    texts = [e.text for e in examples]
    tasks = [(list(examples), reports.texts)]
    for number in range(N_FOLDS):
        train = [e for e, fold in zip(examples, folds, strict=True) if fold != number]
        tasks.append((train, [text for text, fold in zip(texts, folds, strict=True) if fold == number]))
    new, *parts = joblib.Parallel(n_jobs=jobs)(joblib.delayed(scores_of)(pipeline, *task) for task in tasks)
    scores = np.empty(targets.shape)
    for number, part in enumerate(parts):
        scores[folds == number] = part
    if at_half:
        probabilities, on_new = expit(scores), expit(new)
        thresholds = on_new_thresholds = np.array(0.5)
    else:
        calibration = fit_calibration(scores, targets)
        probabilities, on_new = calibration.probabilities(scores), calibration.probabilities(new)
        chosen = fit_thresholds(probabilities, targets)
        thresholds, on_new_thresholds = chosen.cells(probabilities), chosen.cells(on_new)
    return (
        assess(targets.astype(bool), probabilities, thresholds),
        assess(reports.gold, on_new, on_new_thresholds, reports.scored),
    )


@click.command()
@click.argument("labelled", type=click.Path(path_type=Path, exists=True))
@click.option("--corpus", type=click.Path(path_type=Path), default=ROOT / "training_data")
@click.option("--jobs", default=2, show_default=True)
def main(labelled: Path, corpus: Path, jobs: int) -> None:
    """Print the table."""
    examples, reports = read_corpus(corpus), read_labelled_reports(labelled)
    print(f"{len(examples)} examples\n")
    print("| variant | out of fold, micro / macro F1 | empties tagged | labelled reports, micro / macro F1 | empties |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, pipeline in variants().items():
        inside, new = measure(pipeline, examples, reports, "0.5" in name, jobs)
        print(
            f"| {name} | {inside.micro_f1} / {inside.macro_f1} | {inside.empty_tagged} "
            f"| {new.micro_f1} / {new.macro_f1} | {new.empty_tagged} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
