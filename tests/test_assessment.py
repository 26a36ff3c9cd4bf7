"""The figures of an evaluation agree with scikit-learn, with each other, and with counting by hand."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score, precision_score, recall_score

from treatytag.assessment import CURVE_THRESHOLDS, Assessment, assess, confusion
from treatytag.calibration import PREFERENCES, fit_thresholds
from treatytag.drift import Profile, profile_of
from treatytag.evaluation import empty_reports
from treatytag.intervals import estimate
from treatytag.labelled import read_labelled_reports
from treatytag.mistakes import MAX_TAGS, faithfulness, worst_mistakes
from treatytag.offences import ARTICLES, LABELS
from treatytag.tagger import Tagger

N_REPORTS = 400
THRESHOLDS = np.linspace(0.3, 0.6, len(LABELS))
Flags = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def cells() -> tuple[Flags, npt.NDArray[np.float64]]:
    random = np.random.default_rng(7)
    probabilities = random.beta(0.3, 1.5, size=(N_REPORTS, len(LABELS)))
    return random.random(probabilities.shape) < probabilities, probabilities


@pytest.fixture(scope="module")
def found(cells: tuple[Flags, npt.NDArray[np.float64]]) -> Assessment:
    gold, probabilities = cells
    return assess(gold, probabilities, THRESHOLDS, np.ones_like(gold))


def test_the_bar_of_the_first_tag_is_the_lowest_that_spares_the_empty(
    cells: tuple[Flags, npt.NDArray[np.float64]],
) -> None:
    gold, probabilities = cells
    empty = probabilities[~gold.any(axis=1)]
    for prefer, preference in PREFERENCES.items():
        chosen = fit_thresholds(probabilities, gold.astype(np.int8), prefer)
        assert chosen.given(empty).any(axis=1).mean() <= preference.empty_tagged
        if prefer != "recall":
            assert chosen.first > 0.0
            lower = replace(chosen, first=chosen.first - 0.002)
            assert lower.given(empty).any(axis=1).mean() > preference.empty_tagged
    assert fit_thresholds(probabilities, gold.astype(np.int8), "recall").first == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_no_more_empty_reports_are_tagged_than_a_preference_allows(seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.3, random.uniform(1, 8, len(LABELS)), size=(N_REPORTS, len(LABELS)))
    gold = random.random(probabilities.shape) < probabilities
    empty = probabilities[~gold.any(axis=1)]
    for prefer, preference in PREFERENCES.items():
        chosen = fit_thresholds(probabilities, gold.astype(np.int8), prefer)
        assert not len(empty) or chosen.given(empty).any(axis=1).mean() <= preference.empty_tagged


def test_figures_are_scikit_learns(found: Assessment, cells: tuple[Flags, npt.NDArray[np.float64]]) -> None:
    gold, probabilities = cells
    predicted = probabilities >= THRESHOLDS
    assert found.micro_f1.value == pytest.approx(f1_score(gold, predicted, average="micro"))
    assert found.macro_f1.value == pytest.approx(f1_score(gold, predicted, average="macro"))
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        ours = [getattr(article, name).value for article in found.articles]
        assert ours == pytest.approx(score(gold, predicted, average=None))


def test_intervals_hold_the_figure_and_are_those_of_a_plain_bootstrap(
    cells: tuple[Flags, npt.NDArray[np.float64]],
) -> None:
    gold, predicted = cells[0], cells[1] >= THRESHOLDS
    figure = estimate(gold, predicted).micro_f1
    random = np.random.default_rng(1)
    drawn = (random.integers(N_REPORTS, size=N_REPORTS) for _ in range(400))
    low, high = np.quantile([f1_score(gold[rows], predicted[rows], average="micro") for rows in drawn], [0.025, 0.975])
    assert figure.low is not None and figure.value is not None and figure.high is not None
    assert figure.low < figure.value < figure.high
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=0.01)


def test_intervals_are_the_same_every_time(cells: tuple[Flags, npt.NDArray[np.float64]]) -> None:
    gold, predicted = cells[0], cells[1] >= THRESHOLDS
    assert estimate(gold, predicted) == estimate(gold, predicted)


def test_what_cannot_be_computed_is_no_number() -> None:
    nothing = np.zeros((3, len(LABELS)), dtype=bool)
    found = assess(nothing, np.zeros(nothing.shape), THRESHOLDS, ~nothing)
    assert found.micro_f1.value is None
    assert found.articles[0].precision.value is None
    assert found.empty_tagged.value == 0.0
    assert found.named_reviews[0].errors_found is None
    assert found.curves[0].f1[0] is None


def test_confusion_rows_sum_to_gold_and_columns_to_tags(found: Assessment) -> None:
    matrix = np.array(found.confusion)
    assert matrix[:-1].sum(axis=1) == pytest.approx([a.support for a in found.articles])
    assert matrix[:, :-1].sum(axis=0) == pytest.approx([a.given for a in found.articles])
    assert np.diag(matrix)[:-1] == pytest.approx([a.hits for a in found.articles])


def test_confusion_pairs_a_missed_article_with_the_one_given_instead() -> None:
    def flags(*reports: tuple[int, ...]) -> Flags:
        return np.array([[article in report for article in ARTICLES] for report in reports])

    def cell(gold: int, given: int) -> float:
        return float(matrix[ARTICLES.index(gold), ARTICLES.index(given)])

    matrix = confusion(flags((7, 8), (9,), (), (13, 12), ()), flags((7, 10), (), (11,), (17,), ()))
    assert (cell(7, 7), cell(8, 10)) == (1, 1)  # 8 missed, 10 in its place
    assert matrix[ARTICLES.index(9), -1] == 1  # missed, nothing in its place
    assert matrix[-1, ARTICLES.index(11)] == 1  # nothing was missed
    assert (cell(12, 17), cell(13, 17)) == (0.5, 0.5)  # one tag in the place of two articles
    assert matrix[-1, -1] == 1


def test_the_reliability_diagram_is_scikit_learns(
    found: Assessment, cells: tuple[Flags, npt.NDArray[np.float64]]
) -> None:
    gold, probabilities = cells
    shares, means = calibration_curve(gold.ravel(), probabilities.ravel(), n_bins=10)
    full = [b for b in found.bins if b.count]
    assert [b.gold for b in full] == pytest.approx(shares)
    assert [b.probability for b in full] == pytest.approx(means)
    assert sum(b.count for b in found.bins) == gold.size


def test_review_finds_more_errors_the_more_is_reviewed(found: Assessment) -> None:
    errors = [point.errors_found or 0.0 for point in found.review]
    assert errors == sorted(errors)
    assert (errors[0], found.review[0].f1) == (0.0, found.micro_f1.value)
    for point in found.named_reviews:
        assert point.errors_found is not None and point.errors_found > point.share  # better than chance


def test_threshold_curves_pass_through_the_figures_at_a_threshold(
    cells: tuple[Flags, npt.NDArray[np.float64]],
) -> None:
    gold, probabilities = cells
    place = CURVE_THRESHOLDS.index(0.5)
    found = assess(gold, probabilities, np.full(len(LABELS), 0.5), np.ones_like(gold))
    for curve, article in zip(found.curves, found.articles, strict=True):
        assert curve.f1[place] == pytest.approx(article.f1.value)
        assert curve.recall[place] == pytest.approx(article.recall.value)
        assert curve.precision[place] == pytest.approx(article.precision.value)


def test_contested_cells_count_nowhere(cells: tuple[Flags, npt.NDArray[np.float64]]) -> None:
    gold, probabilities = cells
    scored = np.ones_like(gold)
    scored[:, 0] = False
    found = assess(gold, probabilities, THRESHOLDS, scored)
    assert (found.articles[0].support, found.articles[0].given) == (0, 0)
    assert sum(b.count for b in found.bins) == gold.size - N_REPORTS
    assert found.n_contested == N_REPORTS


@pytest.mark.parametrize("is_gold", [True, False], ids=["gold and contested", "contested only"])
def test_a_report_whose_articles_are_contested_is_not_empty(is_gold: bool) -> None:
    gold = np.zeros((3, len(LABELS)), dtype=bool)
    scored = np.ones_like(gold)
    gold[0, 0], scored[0, 0] = is_gold, False
    gold[1, 3] = True
    probabilities = np.full(gold.shape, 0.1)
    probabilities[:, 5] = 0.9  # every report gets this tag
    assert empty_reports(gold, scored).tolist() == [False, False, True]
    found = assess(gold, probabilities, np.array(0.5), scored)
    assert (found.n_empty, found.empty_tagged.value) == (1, 1.0)
    probabilities[2, 5] = 0.1
    assert assess(gold, probabilities, np.array(0.5), scored).empty_tagged.value == 0.0


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load()


def test_tags_rest_on_the_words_shown_rather_than_on_random_ones(tagger: Tagger) -> None:
    texts = [
        "Hackers stole the clinic's patient database last night and the board met on Tuesday to talk about it.",
        "The caller pretended to be from my bank and I transferred all my savings to the account that he named.",
        "The bus was late.",
    ]
    predicted = tagger.thresholds.given(tagger.probabilities(texts))
    first = faithfulness(tagger, texts, predicted)
    assert first == faithfulness(tagger, texts, predicted)
    assert (first.tags, first.of) == (int(predicted.sum()), int(predicted.sum()))
    assert first.tags <= MAX_TAGS
    assert first.without_evidence is not None and first.without_random is not None
    assert first.without_evidence > first.without_random
    nothing = faithfulness(tagger, texts, np.zeros_like(predicted))
    assert (nothing.tags, nothing.without_evidence) == (0, None)


def test_the_worst_mistakes_come_first_and_contested_cells_are_none(
    tagger: Tagger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("labelled") / "labelled.csv"
    path.write_text(
        "id,description,articles,contested\n"
        "A,Hackers stole the clinic's patient database last night.,,\n"
        "B,Hackers stole the clinic's patient database last night.,,7\n"
        "C,The bus was late.,16;17,\n",
        encoding="utf-8",
    )
    reports = read_labelled_reports(path)
    probabilities = tagger.probabilities(reports.texts)
    mistakes = worst_mistakes(tagger, reports, probabilities, tagger.thresholds.given(probabilities))
    assert [m.confidence for m in mistakes] == sorted((m.confidence for m in mistakes), reverse=True)
    assert {(m.report, m.label, m.is_false_tag) for m in mistakes} == {
        ("Row 1, A", "illegal_access", True),
        ("Row 3, C", "non_consensual_intimate_images", False),
        ("Row 3, C", "laundering_of_proceeds", False),
    }
    false_tag = next(m for m in mistakes if m.is_false_tag)
    assert all(false_tag.text[e.start : e.end] == e.text for e in false_tag.evidence)
    assert false_tag.evidence
    assert {m.report for m in mistakes if m.is_sensitive} == {"Row 3, C"}


def test_a_profile_survives_json_and_an_old_model_has_none() -> None:
    gold = np.eye(4, len(LABELS), dtype=bool)
    gold[3] = False
    profile = profile_of(np.array([2, 10, 20, 30]), np.array([0.1, 0.5, 0.9, 1.0]), gold, 0.6)
    assert (profile.empty, profile.too_short, profile.unfamiliar) == (0.25, 0.25, 0.25)
    assert profile.words[2] == 15.0
    assert profile.unknown_words[2] == pytest.approx(0.3)
    assert Profile.from_dict(profile.as_dict()) == profile
    assert Profile.from_dict({"sha256": "0" * 64, "examples": 3}) is None
