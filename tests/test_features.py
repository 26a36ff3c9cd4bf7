"""The fast path gives what scikit-learn gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Trained
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from treatytag import Tagger, features
from treatytag.features import Branch, Counter
from treatytag.lexicon import Lexicon

CASES = Path(__file__).parent / "cases"

HOSTILE = {
    "empty": "",
    "whitespace": " \n\t\u3000\u00a0 ",
    "one letter": "a",
    "NUL": "the ac\x00count was hacked\x00",
    "control characters": "\x01\x02 money \x1c stolen \x1f\x85 online \x7f",
    "lone surrogates": "hacked \ud800 account \udfff",
    "undecodable byte": "hacked \udce9 account",
    "right to left": "تم اختراق الحساب وسرقة الأموال \u202e gnihsihp",
    "emoji": "💸💸 my account 😭👩‍👩‍👧 got hacked!!!1",
    "final sigma": "ΟΔΟΣ ΟΔΟΣ. ΣΙΣΥΦΟΣ",
    "dotted capital": "İSTANBUL'da hesabım çalındı",
    "ligatures": "ﬁnancial ﬂow ß ŉ",
    "underscores and digits": "user_name 123 4 a_b __ 0x9f",
    "glued words": "hacked/stolen;account,bank-transfer...e.g.don't",
    "repeated": "hacked hacked hacked hacked " * 50,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_gets_scikit_learns_probabilities(text: str, trained: Trained, small_model: Path) -> None:
    expected = trained.calibrated.predict_proba([text])
    assert np.abs(Tagger.load(small_model).probabilities([text]) - expected).max() <= 1e-6


def test_example_texts_get_scikit_learns_probabilities(trained: Trained, small_model: Path) -> None:
    texts = [case["text"] for file in CASES.glob("*.json") for case in json.loads(file.read_text(encoding="utf-8"))]
    texts += [line for line in (CASES.parent / "examples" / "reports.csv").read_text(encoding="utf-8").splitlines()]
    expected = trained.calibrated.predict_proba(texts)
    assert np.abs(Tagger.load(small_model).probabilities(texts) - expected).max() <= 1e-6


LEXICON = Lexicon({"hack": "hack* breached", "thing": "account accounts website*", "no": "not never"})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text() | st.text(st.characters(exclude_categories=())) | st.text(alphabet="hack not website.- \n"),
        min_size=1,
        max_size=6,
    )
)
def test_any_unicode_is_counted_as_scikit_learn_counts_it(texts: list[str]) -> None:
    oracles = (
        CountVectorizer(ngram_range=(1, 2)),
        CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)),
        CountVectorizer(tokenizer=LEXICON, token_pattern=None, ngram_range=(1, 2)),
        CountVectorizer(analyzer=LEXICON.pairs),
    )
    vocabulary = ["hacked my account, never hacked my account", "ΟΔΟΣ", *texts]
    for oracle in oracles:
        oracle.fit(vocabulary)
    counter = Counter([oracle.get_feature_names_out().tolist() for oracle in oracles], LEXICON)
    for counted, oracle in zip(counter.count(*counter.tokens(texts)), oracles, strict=True):
        assert (counted != oracle.transform(texts)).nnz == 0


def test_bigrams_whose_words_are_no_features_are_still_found() -> None:
    counter = Counter([("alpha", "beta gamma"), (), (), ()], LEXICON)
    words, *_ = counter.count(*counter.tokens(["beta gamma alpha", "beta delta gamma", "gamma beta"]))
    assert words.toarray().tolist() == [[1, 1], [0, 0], [0, 0]]


def test_a_branch_scores_as_tfidf_times_weights() -> None:
    texts = ["stolen card used at the shop", "card card card", "nothing known", "the shop was shut"]
    oracle = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    weights = np.random.default_rng(1).normal(size=(len(oracle.idf_), 11))
    branch = Branch(tuple(oracle.get_feature_names_out()), oracle.idf_, weights)
    texts.append("zzz")
    counter = Counter([branch.ngrams, (), (), ()], LEXICON)
    scores = branch.score(counter.count(*counter.tokens(texts))[0])
    assert np.allclose(scores, oracle.transform(texts) @ weights, atol=1e-12)


@pytest.mark.parametrize("bound", ["MAX_KNOWN", "MAX_TOKENS", "MAX_CHARACTERS"])
def test_forgetting_known_tokens_changes_nothing(
    bound: str, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"transfer number {i} of {i * 37} euros was not made by me" for i in range(200)]
    expected = Tagger.load(small_model).probabilities(texts)
    monkeypatch.setattr(features, bound, 50)
    tagger = Tagger.load(small_model)
    assert all((tagger.probabilities([text]) == row).all() for text, row in zip(texts, expected, strict=True))


@pytest.mark.parametrize("bound", ["MAX_TOKENS", "MAX_CHARACTERS"])
def test_tokens_in_other_scripts_are_forgotten_too(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, bound, 100)
    counter = Counter([("alpha",), ("alp",), (), ()], LEXICON)
    for i in range(0, 1000, 10):
        counter.tokens([" ".join(chr(0x4E00 + i + j) for j in range(10))])
        assert len(counter) <= 110


def test_an_interruption_leaves_no_half_learned_token(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter([("alpha", "beta"), (), (), ()], LEXICON)

    def interrupted(tokens: list[str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(counter._characters, "learn", interrupted)
        counter.tokens(["alpha"])
    assert counter.count(*counter.tokens(["beta alpha alpha"]))[0].toarray().tolist() == [[2, 1]]


def test_an_interruption_while_tokens_are_forgotten_mixes_none_up(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter([("alpha", "beta"), (), (), ()], LEXICON)
    counter.tokens(["beta gamma"])
    forget, interruptions = counter._characters.forget, iter([KeyboardInterrupt])

    def interrupted() -> None:
        for interruption in interruptions:
            raise interruption
        forget()

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(features, "MAX_TOKENS", 1)
        patch.setattr(counter._characters, "forget", interrupted)
        counter.tokens(["alpha"])
    assert counter.count(*counter.tokens(["alpha beta beta"]))[0].toarray().tolist() == [[1, 2]]
