"""Examples -> what is wrong with the corpus as a whole, and its coverage table."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import median

import numpy as np
from datasketch import MinHash, MinHashLSH

from treatytag.corpus import Example
from treatytag.offences import OFFENCES
from treatytag.rulings import all_rulings

# Two texts with this Jaccard similarity of their character 5-grams are one text, slightly changed.
NEAR_DUPLICATE = 0.5
# More examples than this share opening with the same three words were written by a template.
MAX_OPENING_SHARE = 0.01
# A run of 8 words standing in a larger share of the examples is a template's or a copied form's; what stays below are
# stock phrases of registers ("names, dates of birth and Social Security numbers").
MAX_RUN_SHARE = 0.0007

_RUN_WORDS = 8
_PERMUTATIONS = 128


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _shingles(text: str) -> set[str]:
    plain = " ".join(_words(text))
    return {plain[i : i + 5] for i in range(max(1, len(plain) - 4))}


def _near_duplicates(examples: Sequence[Example]) -> Iterator[str]:
    shingles = [_shingles(e.text) for e in examples]
    # The index aims lower than the bound, and every candidate is then measured exactly.
    index = MinHashLSH(threshold=NEAR_DUPLICATE - 0.1, num_perm=_PERMUTATIONS)
    for number, shingle_set in enumerate(shingles):
        signature = MinHash(num_perm=_PERMUTATIONS, seed=1)
        signature.update_batch([shingle.encode("utf-8") for shingle in sorted(shingle_set)])
        for other in sorted(index.query(signature)):
            common = len(shingle_set & shingles[other])
            similarity = common / (len(shingle_set) + len(shingles[other]) - common)
            if similarity >= NEAR_DUPLICATE:
                yield (
                    f"{examples[number].id} is a near duplicate of {examples[other].id} (character 5-gram "
                    f"Jaccard {similarity:.2f}); tell it in other words or remove one."
                )
        index.insert(number, signature)


def _templates(examples: Sequence[Example]) -> Iterator[str]:
    openings = Counter(" ".join(_words(e.text)[:3]) for e in examples)
    for opening, count in openings.most_common():
        if count > max(MAX_OPENING_SHARE * len(examples), 3):
            yield f"{count} examples open with {opening!r}; open some otherwise."
    users: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for e in examples:
        words = _words(e.text)
        for start in range(len(words) - _RUN_WORDS + 1):
            users[tuple(words[start : start + _RUN_WORDS])].add(e.scenario)
    for run, scenarios in users.items():
        if len(scenarios) > max(MAX_RUN_SHARE * len(examples), 3):
            yield f"{len(scenarios)} scenarios share the words {' '.join(run)!r}; reword some."


def check_corpus(examples: Sequence[Example]) -> list[str]:
    """Return one sentence per problem that no single example shows: repeated ids, near duplicates, templates.

    The schema of each example is checked when it is read (`read_corpus`).
    """
    repeated = [name for name, count in Counter(e.id for e in examples).items() if count > 1]
    problems = [f"id {name} is used more than once; give one of them a new id." for name in sorted(repeated)]
    return [*problems, *_near_duplicates(examples), *_templates(examples)]


def contrast_pairs(examples: Sequence[Example]) -> int:
    """Count pairs of examples that tell the same scene with different articles."""
    scenarios: defaultdict[str, list[Example]] = defaultdict(list)
    for e in examples:
        scenarios[e.scenario].append(e)
    return sum(a.articles != b.articles for group in scenarios.values() for a, b in combinations(group, 2))


def ruling_counts(examples: Sequence[Example]) -> Counter[str]:
    """Count the examples that cite each ruling of the annotation guide."""
    return Counter(ruling for e in examples for ruling in set(e.rulings))


def coverage_table(examples: Sequence[Example]) -> str:
    """Return the counts that the data sheet shows, as Markdown."""
    articles = Counter(article for e in examples for article in e.articles)
    paragraphs = Counter(paragraph for e in examples for paragraph in e.paragraphs)
    lengths = [len(_words(e.text)) for e in examples]
    empty = sum(not e.articles for e in examples)
    lines = [
        "| what | count |",
        "| --- | ---: |",
        f"| examples | {len(examples)} |",
        f"| no Convention offence | {empty} |",
        f"| scenarios | {len({e.scenario for e in examples})} |",
        f"| contrast pairs | {contrast_pairs(examples)} |",
        f"| words, median (10th to 90th percentile) | {median(lengths):.0f} ({_percentile(lengths, 10)} to "
        f"{_percentile(lengths, 90)}) |",
    ]
    for offence in OFFENCES:
        lines.append(f"| article {offence.article}, {offence.title} | {articles[offence.article]} |")
        lines += [f"| of these {p.number} | {paragraphs[p.number]} |" for p in offence.paragraphs]
    lines += [
        f"| stage {stage} | {count} |" for stage, count in Counter(e.stage for e in examples if e.stage).most_common()
    ]
    lines += [f"| genre {genre} | {count} |" for genre, count in Counter(e.genre for e in examples).most_common()]
    counts = ruling_counts(examples)
    rows = [str(ruling.row) for ruling in all_rulings()]
    rarest = sorted(rows, key=lambda row: (counts[row], int(row)))[:8]
    lines.append(f"| rarest rulings | {', '.join(f'{row}: {counts[row]}' for row in rarest)} |")
    return "\n".join(lines)


def _percentile(values: list[int], share: int) -> int:
    return int(np.percentile(values, share))
