"""What a caller of `classify` and `classify_many` depends on."""

import dataclasses
import json
import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_features import HOSTILE

from treatytag import LABELS, ModelError, Prediction, Tagger, classify, classify_many
from treatytag.decision import Thresholds
from treatytag.offences import BY_ARTICLE
from treatytag.tagger import shared_tagger

CASES = Path(__file__).parent / "cases"


def load_cases(name: str) -> list[Any]:
    cases = json.loads((CASES / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["label"]) for case in cases]


@pytest.mark.parametrize("case", load_cases("contrast.json"))
def test_contrast_case(case: dict[str, Any]) -> None:
    assert list(classify(case["text"]).articles) == case["expected"], case["comment"]


@pytest.mark.parametrize("case", load_cases("known-failures.json"))
@pytest.mark.xfail(strict=True, reason="a known mistake; when it passes, move it to contrast.json")
def test_known_failure(case: dict[str, Any]) -> None:
    assert list(classify(case["text"]).articles) == case["expected"], case["comment"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_gets_a_sound_answer(text: str) -> None:
    prediction = classify(text)
    assert list(prediction.probabilities) == list(LABELS)
    assert all(0.0 <= p <= 1.0 for p in prediction.probabilities.values())
    assert prediction.articles == tuple(BY_ARTICLE[a].article for a in sorted(prediction.articles))


def test_five_megabytes_of_one_word_are_answered() -> None:
    assert classify("account " * 650_000).probabilities == classify("account " * 650_000).probabilities
    assert len(classify("x" * 1_000_000).probabilities) == 11


def test_an_empty_text_reports_no_offence() -> None:
    assert classify("").articles == ()


def test_one_by_one_equals_any_batch_in_any_order(examples: list[Any]) -> None:
    texts = [e.text for e in examples[::9]]
    together = list(classify_many(texts))
    assert [classify(text) for text in texts] == together
    order = list(range(len(texts)))
    random.Random(3).shuffle(order)
    assert list(classify_many(texts[i] for i in order)) == [together[i] for i in order]


def test_threads_share_a_tagger_and_get_the_answers_of_one(examples: list[Any]) -> None:
    texts = [e.text for e in examples[::9]][:2000]
    expected = list(Tagger.load().classify_many(texts))
    tagger = Tagger.load()  # that knows no word yet

    def whole(prediction: Prediction) -> tuple[Any, ...]:
        return prediction.evidence, prediction.paragraphs, prediction.rulings

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(tagger.classify, texts, chunksize=1)) == expected
            asked = list(threads.map(lambda i: whole(tagger.classify(texts[i])), range(0, 2000, 50)))
            batches = list(threads.map(lambda i: list(tagger.classify_many(texts[i::8])), range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert asked == [whole(prediction) for prediction in expected[::50]]
    assert batches == [expected[i::8] for i in range(8)]


def test_threads_that_start_together_load_one_tagger(small_model: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        taggers = list(threads.map(lambda _: shared_tagger(small_model), range(8)))
    assert all(tagger is taggers[0] for tagger in taggers)


def test_a_tagger_and_its_predictions_survive_pickling() -> None:
    prediction = classify("Hackers stole the clinic's patient database last night.")
    again = pickle.loads(pickle.dumps(prediction))
    assert again == prediction
    assert again.evidence == prediction.evidence
    assert pickle.loads(pickle.dumps(shared_tagger(prefer="recall"))).prefer == "recall"


def test_decisions_follow_from_probabilities_and_thresholds() -> None:
    tagger = Tagger.load()
    for prediction in tagger.classify_many(["I was hacked", "They stole my money online", "A dog barked"]):
        is_open = max(prediction.probabilities.values()) >= tagger.thresholds.first
        pairs = zip(prediction.probabilities.items(), tagger.thresholds.labels, strict=True)
        given = [(label, p, is_open and p >= threshold) for (label, p), threshold in pairs]
        assert prediction.labels == tuple(label for label, _, is_given in given if is_given)
        assert prediction.doubt == pytest.approx(sum(1 - p if is_given else p for _, p, is_given in given))


@given(
    arrays(np.float64, (3, len(LABELS)), elements=st.integers(0, 100).map(lambda percent: percent / 100)),
    st.lists(st.integers(0, 100), min_size=len(LABELS), max_size=len(LABELS)),
    st.integers(0, 100),
)
def test_a_report_gets_tags_only_if_one_reaches_the_bar_of_the_first(
    probabilities: npt.NDArray[np.float64], labels: list[int], first: int
) -> None:
    thresholds = Thresholds(tuple(percent / 100 for percent in labels), first / 100)
    given_by_hand = [
        [max(row) >= thresholds.first and p >= t for p, t in zip(row, thresholds.labels, strict=True)]
        for row in probabilities.tolist()
    ]
    assert thresholds.given(probabilities).tolist() == given_by_hand


def test_preferring_recall_gives_at_least_the_tags_of_precision(examples: list[Any]) -> None:
    texts = [e.text for e in examples[::20]]
    careful = list(classify_many(texts, prefer="precision"))
    generous = list(classify_many(texts, prefer="recall"))
    assert all(set(a.labels) <= set(b.labels) for a, b in zip(careful, generous, strict=True))
    assert sum(len(b.labels) - len(a.labels) for a, b in zip(careful, generous, strict=True)) > 0


def test_an_unknown_preference_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="balanced, precision, recall"):
        classify("text", prefer="speed")


def test_a_prediction_is_frozen() -> None:
    prediction = classify("My account was hacked.")
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.labels = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        prediction.probabilities["illegal_access"] = 1.0  # type: ignore[index]


def test_what_is_not_text_is_refused_by_type() -> None:
    with pytest.raises(TypeError, match="not NoneType"):
        classify(None)  # type: ignore[arg-type]


def test_an_empty_iterable_gives_nothing() -> None:
    assert list(classify_many([])) == []


def test_the_classify_path_loads_no_heavy_library() -> None:
    code = (
        "import sys, treatytag; assert 'numpy' not in sys.modules\n"
        "treatytag.classify('my account was hacked')\n"
        "print([m for m in ('sklearn', 'spacy', 'pandas', 'pydantic', 'joblib', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


FOREIGN = {
    "German": "Ich habe eine Nachricht von meiner Bank bekommen und meine Zugangsdaten eingegeben, danach fehlte Geld.",
    "French": "Mon compte a été piraté et quelqu'un a demandé de l'argent à tous mes amis pendant la nuit.",
    "Portuguese": "Clonaram o meu telefone e pediram dinheiro para os meus contatos durante o fim de semana.",
    "Italian": "Ho comprato un telefono su un sito che non esiste e non è mai arrivato niente a casa mia.",
    "Swahili": "Akaunti yangu ilidukuliwa na pesa zote zikachukuliwa, nimeripoti kituo cha polisi.",
    "Hindi": "मेरा खाता हैक हो गया है और सारे पैसे निकल गए हैं।",
    "Chinese": "我的账户 被盗了 钱 全部 没有了 请 帮帮我",
    "keyboard": "asdkjh qwezx zxmcn bqweiu lkjasd pqowie mnzxbc alskdj qpwoei",
    "base64": "aGFja2VkIGFjY291bnQ= c3RvbGVuIG1vbmV5 cGFzc3dvcmRz ZGVmYWNlZA== YWJjZGVm",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_the_model_cannot_read_is_flagged(text: str) -> None:
    prediction = classify(text)
    assert prediction.remark == "unfamiliar words, perhaps not English"
    assert prediction.needs_review


@pytest.mark.parametrize("text", ["", "hacked", "Account hacked!", "?!? 1 2 3 4 5"])
def test_what_is_too_short_is_flagged(text: str) -> None:
    assert classify(text).remark == "too short to tell"


def test_ordinary_english_is_not_flagged(examples: list[Any]) -> None:
    flagged = [prediction.remark for prediction in classify_many(e.text for e in examples[::5]) if prediction.remark]
    assert len(flagged) < 0.01 * len(examples) / 5
