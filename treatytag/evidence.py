"""A report and a tag -> the words that led to it, from the exact contributions of a linear model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from treatytag.features import Branch, Counter, Floats

if TYPE_CHECKING:
    from spacy.language import Language

Span = tuple[int, int]

# How many words are tried as evidence, until the tag falls without them; few steps, since each is scored anew.
_LADDER = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 29, 35, 42, 50, 60)
# A chosen word is shown with up to so many words beside it that also speak for the tag, and chosen words so near each
# other, in one sentence, as one phrase with what stands between.
_MAX_REACH = 2
_MAX_GAP = 1

_find_tokens = re.compile(r"\S+").finditer  # the tokens of str.split()
_surrogates = re.compile("[\ud800-\udfff]")  # undecodable bytes; spaCy takes none
_inner = re.compile(r"\w(?:.*\w)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of a report that led to a tag.

    Attributes:
        label: the tag's label.
        start: where the words begin, in characters of the report, from 0.
        end: where they end, exclusive.
        text: the words, `report[start:end]`.
        weight: what they add to the label's score, in log-odds.
        sentence: the sentence they stand in.
    """

    label: str
    start: int
    end: int
    text: str
    weight: float
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, the weight rounded to 3 decimals."""
        return {
            "label": self.label,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "weight": round(self.weight, 3),
            "sentence": self.sentence,
        }


def token_spans(text: str) -> list[Span]:
    """Return where the whitespace-separated tokens of a text begin and end, in characters."""
    return [match.span() for match in _find_tokens(text)]


def contributions(branches: Sequence[Branch], counter: Counter, text: str) -> tuple[list[Span], Floats]:
    """Tell what each whitespace-separated token of a text adds to the label scores.

    An n-gram over two tokens is shared between them. With the model's intercepts the rows sum to the scores,
    before the sigmoid.

    Returns:
        The tokens' spans in characters of `text`, and an array of shape (n_tokens, n_labels), in log-odds.
    """
    spans = token_spans(text)
    added = np.zeros((len(spans), branches[0].weights.shape[1]))
    for branch, (columns, firsts, lasts) in zip(branches, counter.occurrences(text), strict=True):
        halves = branch.contributions(columns) / 2
        np.add.at(added, firsts, halves)
        np.add.at(added, lasts, halves)
    return spans, added


def without(text: str, spans: Sequence[Span]) -> str:
    """Return a text with some spans, in order and apart, cut out."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return "".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def explain(
    text: str,
    label: str,
    spans: Sequence[Span],
    weights: Floats,
    falls: Callable[[list[str]], Sequence[bool]],
) -> list[Evidence]:
    """Choose the fewest words without which a tag would not be given.

    Args:
        text: the report.
        label: the tag's label.
        spans: its tokens, as from `contributions`.
        weights: what each token adds to the label's score, shape (n_tokens,).
        falls: tells of each of some texts whether the tag is *not* given to it.

    Returns:
        Phrases in order of place; their words are tried by weight, so that these are not the only ones that count.
        Where the tag does not fall even without all words that speak for it, all that were tried.
    """
    favourable = [int(i) for i in np.argsort(-weights, kind="stable") if weights[i] > 0.0]
    sentence_of, sentences = _sentences(text, spans)
    steps = [n for n in _LADDER if n < len(favourable)] + [min(len(favourable), _LADDER[-1])]
    tried = [_phrases(favourable[:n], weights, sentence_of) for n in steps]
    shortened = [without(text, [_trimmed(text, spans, phrase) for phrase in phrases]) for phrases in tried]
    place = next((i for i, fell in enumerate(falls(shortened)) if fell), len(tried) - 1)
    evidence = []
    for first, last in tried[place]:
        start, end = _trimmed(text, spans, (first, last))
        weight = float(weights[first : last + 1].sum())
        evidence.append(Evidence(label, start, end, text[start:end], weight, sentences[sentence_of[first]]))
    return evidence


def _phrases(chosen: Sequence[int], weights: Floats, sentence_of: Sequence[int]) -> list[Span]:
    """Return first and last token of each phrase, in order."""
    phrases: list[Span] = []
    for token in sorted(chosen):
        first, last = (_reach(token, step, weights, sentence_of) for step in (-1, 1))
        if phrases and first - phrases[-1][1] <= 1 + _MAX_GAP and sentence_of[phrases[-1][1]] == sentence_of[first]:
            first = phrases.pop()[0]
        phrases.append((first, last))
    return phrases


def _reach(token: int, step: int, weights: Floats, sentence_of: Sequence[int]) -> int:
    """Return the last token from `token` on that speaks for the tag, in its sentence and within reach."""
    for neighbour in range(token + step, token + step * (_MAX_REACH + 1), step):
        if not 0 <= neighbour < len(weights) or sentence_of[neighbour] != sentence_of[token] or weights[neighbour] <= 0:
            return neighbour - step
    return token + step * _MAX_REACH


def _trimmed(text: str, spans: Sequence[Span], phrase: Span) -> Span:
    """Return the characters of some tokens, less the punctuation around them."""
    start, end = spans[phrase[0]][0], spans[phrase[1]][1]
    match = _inner.search(text, start, end)
    return match.span() if match else (start, end)


@lru_cache(maxsize=1)
def _splitter() -> Language:
    import spacy

    splitter = spacy.blank("en")
    splitter.add_pipe("sentencizer")
    splitter.max_length = 10**9  # the limit protects parsers, of which there is none here
    return splitter


def _sentences(text: str, spans: Sequence[Span]) -> tuple[list[int], list[str]]:
    """Return the sentence number of each token, and the sentences."""
    found = list(_splitter()(_surrogates.sub("?", text)).sents)
    starts = np.array([sentence.start_char for sentence in found])
    numbers = np.searchsorted(starts, [start for start, _ in spans], side="right") - 1
    return np.maximum(numbers, 0).tolist(), [text[s.start_char : s.end_char].strip() for s in found]
