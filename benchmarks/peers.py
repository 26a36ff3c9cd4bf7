"""The same corpus learned by other tools: speed, memory, size, cold start and F1 on labelled reports, in one run.

    pip install fasttext-numpy2
    python benchmarks/peers.py LABELLED.jsonl

Each tool is trained here and measured in a process of its own. scikit-learn is our own pipeline, exported; fastText
and spaCy's `textcat_multilabel` (bag of words) tag at 0.5, as their users do.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import click
import numpy as np
from texts import ROOT, fitted, reports

N_REPORTS = 4000


def train_fasttext(folder: Path) -> None:
    """Train one-versus-all fastText with word bigrams and subwords."""
    import fasttext

    from treatytag.corpus import read_corpus

    lines = [
        " ".join([*(f"__label__{a}" for a in e.articles or [0]), *e.text.split()])
        for e in read_corpus(ROOT / "training_data")
    ]
    (folder / "train.txt").write_text("\n".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(
        str(folder / "train.txt"), loss="ova", wordNgrams=2, minn=3, maxn=5, epoch=25, lr=0.3, bucket=200_000, thread=1
    )
    model.save_model(str(folder / "model"))
    (folder / "train.txt").unlink()


def train_spacy(folder: Path) -> None:
    """Train spaCy's multilabel text categoriser on a blank English pipeline."""
    import spacy
    from spacy.training import Example as SpacyExample
    from spacy.util import minibatch

    from treatytag.corpus import read_corpus
    from treatytag.offences import ARTICLES

    nlp = spacy.blank("en")
    architecture = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": False, "ngram_size": 2}
    categoriser = nlp.add_pipe("textcat_multilabel", config={"model": architecture | {"no_output_layer": False}})
    for article in ARTICLES:
        categoriser.add_label(str(article))  # type: ignore[attr-defined]
    examples = [
        SpacyExample.from_dict(nlp.make_doc(e.text), {"cats": {str(a): float(a in e.articles) for a in ARTICLES}})
        for e in read_corpus(ROOT / "training_data")
    ]
    optimiser = nlp.initialize(lambda: examples)
    rng = random.Random(0)
    for _ in range(8):
        rng.shuffle(examples)
        for batch in minibatch(examples, 64):
            nlp.update(batch, sgd=optimiser)
    nlp.to_disk(folder / "model")


def train_sklearn(folder: Path) -> None:
    """Export our own pipeline."""
    from treatytag.packing import export_pipeline

    export_pipeline(folder / "model", *fitted())


def train_treatytag(folder: Path) -> None:
    """Take the shipped model."""
    (folder / "model").symlink_to(ROOT / "model")


def predictor(tool: str, model: Path):  # type: ignore[no-untyped-def]  # each tool has its own
    """Load a model; return a function from texts to 0/1 cells of shape (n_texts, 11)."""
    if tool == "treatytag":
        from treatytag import Tagger

        tagger = Tagger.load(model)
        return lambda texts: tagger.thresholds.given(tagger.probabilities(texts))
    if tool == "sklearn":
        import joblib

        pipeline = joblib.load(model)
        return lambda texts: pipeline.predict_proba(texts) >= 0.5
    if tool == "spacy":
        import spacy

        nlp = spacy.load(model)
        return lambda texts: np.array([[doc.cats[str(a)] >= 0.5 for a in range(7, 18)] for doc in nlp.pipe(texts)])
    import fasttext

    classifier = fasttext.load_model(str(model))

    def predict(texts: list[str]) -> np.ndarray:
        labels, _ = classifier.predict([" ".join(text.split()) for text in texts], k=-1, threshold=0.5)
        return np.array([[f"__label__{a}" in found for a in range(7, 18)] for found in labels])

    return predict


def size_of(path: Path) -> int:
    """Return the bytes of a file or of all files of a folder."""
    path = path.resolve()
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files if "reports" not in file.parts)


def measure(tool: str, folder: Path, labelled: Path) -> None:
    """Print the figures of one tool as JSON."""
    start = perf_counter()
    predict = predictor(tool, folder / "model")
    predict(["My account was hacked."])
    cold = perf_counter() - start
    texts = list(reports(N_REPORTS))
    predict(list(reports(500, seed=9)))
    start = process_time()
    for begin in range(0, N_REPORTS, 2000):
        predict(texts[begin : begin + 2000])
    seconds = process_time() - start
    # not getrusage, whose figure a process takes over from the one that started it
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    memory = int(status.partition("VmHWM:")[2].split()[0]) // 1000

    from treatytag.assessment import assess
    from treatytag.labelled import read_labelled_reports

    gold = read_labelled_reports(labelled)
    predicted = np.asarray(predict(gold.texts), dtype=bool)
    result = assess(gold.gold, predicted.astype(float), np.array(0.5), gold.scored)
    figures = {
        "rate": N_REPORTS / seconds,
        "memory": memory,
        "size": size_of(folder / "model") / 1e6,
        "cold": cold,
        "micro": result.micro_f1.value,
        "macro": result.macro_f1.value,
    }
    print(json.dumps(figures))


@click.command()
@click.argument("labelled", type=click.Path(path_type=Path, exists=True))
@click.option("--tool", hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(labelled: Path, tool: str | None, folder: Path | None) -> None:
    """Train and measure all tools."""
    if tool is not None and folder is not None:
        measure(tool, folder, labelled)
        return
    print("| tool | reports a CPU second | peak MB | model MB | load and first answer, s | micro F1 | macro F1 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    trainers = {
        "treatytag": train_treatytag,
        "sklearn": train_sklearn,
        "fasttext": train_fasttext,
        "spacy": train_spacy,
    }
    for name, train in trainers.items():
        with tempfile.TemporaryDirectory() as made:
            train(Path(made))
            command = [sys.executable, __file__, str(labelled), "--tool", name, "--folder", made]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            f = json.loads(done.stdout)
            print(
                f"| {name} | {f['rate']:,.0f} | {f['memory']:,} | {f['size']:.1f} | {f['cold']:.2f} "
                f"| {f['micro']:.3f} | {f['macro']:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
