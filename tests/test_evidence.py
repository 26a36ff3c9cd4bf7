"""Every tag can be defended: the words shown are the report's own, and the tag hangs on them."""

import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Trained
from hypothesis import given, settings
from hypothesis import strategies as st
from test_features import HOSTILE

from treatytag import LABELS, Prediction, Tagger, classify
from treatytag.evidence import contributions, without

CASES = json.loads((Path(__file__).parent / "cases" / "contrast.json").read_text(encoding="utf-8"))
TAGGED = [pytest.param(case["text"], id=case["label"]) for case in CASES if case["expected"]]


@pytest.fixture(scope="module")
def small(small_model: Path) -> Tagger:
    return Tagger.load(small_model)


def sums(tagger: Tagger, text: str) -> Any:
    _, added = contributions(tagger.model.branches, tagger._counter, text)
    return added.sum(axis=0) + tagger.model.intercepts


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_contributions_and_bias_sum_to_scikit_learns_score(text: str, trained: Trained, small: Tagger) -> None:
    assert np.abs(sums(small, text) - trained.calibrated.decision_function([text])[0]).max() < 1e-6


@settings(max_examples=100, deadline=None)
@given(text=st.text() | st.text(alphabet="hacked stolen account 1,.-\n", max_size=200))
def test_contributions_of_any_unicode_sum_to_the_score(text: str, trained: Trained, small: Tagger) -> None:
    assert np.abs(sums(small, text) - trained.calibrated.decision_function([text])[0]).max() < 1e-6


@pytest.mark.parametrize("text", TAGGED)
def test_the_tag_falls_without_its_evidence(text: str) -> None:
    prediction = classify(text)
    for label in prediction.labels:
        spans = [(piece.start, piece.end) for piece in prediction.evidence if piece.label == label]
        assert spans
        assert label not in classify(without(text, spans)).labels


@pytest.mark.parametrize("text", [*TAGGED, *HOSTILE.values()])
def test_evidence_is_whole_words_of_the_report_in_order(text: str, small: Tagger) -> None:
    pieces = [*classify(text).evidence, *small.evidence(text, LABELS[:1])]
    for piece in pieces:
        assert piece.text == text[piece.start : piece.end] != ""
        assert piece.text in piece.sentence
        for inside, outside in ((piece.start, piece.start - 1), (piece.end - 1, piece.end)):
            whole = not (0 <= outside < len(text)) or not (text[inside].isalnum() and text[outside].isalnum())
            assert whole, f"{piece.text!r} cuts a word"
    for label in LABELS:
        spans = [(piece.start, piece.end) for piece in classify(text).evidence if piece.label == label]
        assert all(end < start for (_, end), (start, _) in pairwise(spans))


def test_no_tag_has_no_evidence_and_no_paragraph() -> None:
    prediction = classify("The ferry was late because of fog, and the kiosk had sold out of tea.")
    assert (prediction.labels, prediction.evidence, prediction.paragraphs) == ((), (), ())


def test_paragraphs_belong_to_assigned_articles() -> None:
    prediction = classify(
        "I sent 900 for a flat on a rental site. "
        "The advertisement was a scam, and the advertiser vanished with my money."
    )
    assert prediction.articles == (13,)
    assert prediction.paragraphs == ("13(c)",)


def test_a_prediction_travels_between_processes_without_the_model() -> None:
    prediction = classify("Hackers broke into the city's e-mail server and read the mayor's mail.")
    packed = pickle.dumps(prediction)
    assert len(packed) < 5_000
    copy: Prediction = pickle.loads(packed)
    assert copy == prediction
    assert copy.evidence == prediction.evidence
