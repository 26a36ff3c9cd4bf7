"""Benchmark reports: corpus texts put together, with a fixed seed, to about 775 characters each."""

import random
from collections.abc import Iterator
from pathlib import Path

from treatytag.corpus import read_corpus

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
