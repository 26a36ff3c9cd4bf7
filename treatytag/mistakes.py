"""Labelled reports and a tagger -> whether evidence is what tags rest on, and the most confident mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treatytag.evaluation import Flags
from treatytag.evidence import Evidence, token_spans, without
from treatytag.features import Floats
from treatytag.intervals import SEED
from treatytag.labelled import LabelledReports
from treatytag.offences import ARTICLES, LABELS, SENSITIVE_FROM, SENSITIVE_LABELS
from treatytag.tagger import Tagger

MAX_TAGS = 500  # evidence takes some milliseconds a tag
N_MISTAKES = 15


@dataclass(frozen=True)
class Faithfulness:
    """How often a tag falls when its evidence is cut out, and when as many random words are.

    Attributes:
        tags: how many were tried: all, or a random `MAX_TAGS`.
        of: how many tags there are.
        without_evidence: share of them no longer given without the words shown.
        without_random: share of them no longer given without as many random words.
        words: mean number of words cut out.
    """

    tags: int
    of: int
    without_evidence: float | None
    without_random: float | None
    words: float | None


@dataclass(frozen=True)
class Mistake:
    """A wrong cell: a tag given that is not gold, or gold that was not given.

    Attributes:
        report: name of the report in its file.
        text: the report.
        label: the label in question.
        is_false_tag: True for a tag given, False for one missed.
        probability: the model's for the label, in [0, 1].
        confidence: how sure it was of the wrong answer: the probability, or one minus it.
        gold: articles that are gold.
        given: articles that were given.
        is_sensitive: whether the report concerns, or may concern, articles 14 to 16.
        evidence: words that speak for the label.
    """

    report: str
    text: str
    label: str
    is_false_tag: bool
    probability: float
    confidence: float
    gold: tuple[int, ...]
    given: tuple[int, ...]
    is_sensitive: bool
    evidence: tuple[Evidence, ...]


def faithfulness(tagger: Tagger, texts: list[str], predicted: Flags) -> Faithfulness:
    """Cut the evidence out of tagged reports, and as many random words, and tag them again; seed fixed.

    Args:
        tagger: the model.
        texts: the reports.
        predicted: labels given, shape (n_reports, n_labels).
    """
    random = np.random.default_rng(SEED)
    cells = np.argwhere(predicted)
    chosen = np.sort(random.permutation(len(cells))[:MAX_TAGS])
    if not len(chosen):
        return Faithfulness(0, 0, None, None, None)
    columns, shortened, n_words = [], [], []
    for row, column in cells[chosen].tolist():
        text = texts[row]
        shown = [(e.start, e.end) for e in tagger.evidence(text, [LABELS[column]])]
        tokens = token_spans(text)
        n_cut = sum(any(start < to and fro < end for fro, to in shown) for start, end in tokens)
        drawn = np.sort(random.permutation(len(tokens))[:n_cut])
        shortened += [without(text, shown), without(text, [tokens[i] for i in drawn])]
        columns.append(column)
        n_words.append(n_cut)
    twice = np.repeat(columns, 2)
    falls = ~tagger.thresholds.given(tagger.probabilities(shortened))[np.arange(len(twice)), twice]
    evidence, chance = falls[::2].mean(), falls[1::2].mean()
    return Faithfulness(len(chosen), len(cells), float(evidence), float(chance), float(np.mean(n_words)))


def worst_mistakes(
    tagger: Tagger, reports: LabelledReports, probabilities: Floats, given: Flags
) -> tuple[Mistake, ...]:
    """Return the wrong cells of which the model was most confident, contested cells left out.

    Args:
        tagger: finds the evidence.
        reports: with their gold labels.
        probabilities: of the model, shape (n_reports, n_labels).
        given: the labels given by them, same shape.
    """
    wrong = np.asarray((given != reports.gold) & reports.scored)
    confidence = np.where(wrong, np.where(given, probabilities, 1.0 - probabilities), -1.0)
    columns = [LABELS.index(label) for label in SENSITIVE_LABELS]
    may_be = np.asarray(given | reports.gold | ~reports.scored | (probabilities >= SENSITIVE_FROM))
    sensitive = np.asarray(may_be[:, columns].any(axis=1))
    ranked = np.argsort(-confidence, axis=None, kind="stable")[: min(N_MISTAKES, int(wrong.sum()))]
    mistakes = []
    for row, column in zip(*np.unravel_index(ranked, confidence.shape), strict=True):
        text, label = reports.texts[row], LABELS[column]
        mistakes.append(
            Mistake(
                reports.names[row],
                text,
                label,
                bool(given[row, column]),
                float(probabilities[row, column]),
                float(confidence[row, column]),
                _articles(reports.gold[row]),
                _articles(given[row]),
                bool(sensitive[row]),
                tagger.evidence(text, [label]),
            )
        )
    return tuple(mistakes)


def _articles(flags: Flags) -> tuple[int, ...]:
    return tuple(article for article, is_set in zip(ARTICLES, flags, strict=True) if is_set)
