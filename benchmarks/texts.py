"""Benchmark reports, corpus texts put together with a fixed seed to about 775 characters each; and our pipeline."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

from treatytag.calibration import Calibration
from treatytag.corpus import read_corpus, read_lexicon, targets_of
from treatytag.offences import LABELS
from treatytag.training import build_pipeline

ROOT = Path(__file__).parent.parent
CHARACTERS = 775


def reports(count: int, seed: int = 7) -> Iterator[str]:
    """Yield `count` reports; each ends with a number of its own, as real ones hold numbers and names of their own."""
    texts = [example.text for example in read_corpus(ROOT / "training_data")]
    rng = random.Random(seed)
    for number in range(count):
        parts: list[str] = []
        while sum(map(len, parts)) < CHARACTERS:
            parts.append(rng.choice(texts))
        yield f"{' '.join(parts)[:CHARACTERS]} ref {seed}-{number}"


def fitted() -> tuple[Pipeline, Calibration]:
    """Fit the shipped model's pipeline; an identity as calibration, which is folded into the weights anyway."""
    examples = read_corpus(ROOT / "training_data")
    pipeline = build_pipeline(read_lexicon(ROOT / "training_data" / "lexicon.json"))
    pipeline.fit([e.text for e in examples], targets_of(examples))
    return pipeline, Calibration(np.eye(len(LABELS)), np.zeros(len(LABELS)))
