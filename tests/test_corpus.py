"""The shipped corpus is sound, and the checker would notice if it were not."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CORPUS, ROOT

from treatytag import CorpusError
from treatytag.corpus import Example, folds_of, read_corpus, read_lexicon, targets_of
from treatytag.corpus_checks import check_corpus, contrast_pairs, coverage_table
from treatytag.lexicon import Lexicon
from treatytag.rulings import all_rulings

VALID: dict[str, Any] = {
    "id": "E0001",
    "text": "The clerk's account was entered at night from abroad.",
    "articles": [7],
    "paragraphs": [],
    "stage": "completed",
    "genre": "cert_ticket",
    "language": "en",
    "scenario": "clerk",
    "rulings": ["art7"],
}


def example(**changes: Any) -> Example:
    return Example.model_validate(VALID | changes)


def test_the_shipped_corpus_has_no_problem(examples: list[Example]) -> None:
    assert check_corpus(examples) == []


def test_the_data_sheet_shows_the_corpus_as_it_is(examples: list[Example]) -> None:
    sheet = (CORPUS / "README.md").read_text(encoding="utf-8")
    assert coverage_table(examples) in sheet, "run `treatytag check` and put its table into the data sheet"


def test_every_ruling_cited_is_in_the_annotation_guide(examples: list[Example]) -> None:
    guide = (CORPUS / "annotation_guide.md").read_text(encoding="utf-8")
    cited = {ruling.partition("+")[0] for e in examples for ruling in e.rulings}
    assert {ruling for ruling in cited if f"**{ruling}**" not in guide} == set()


def test_child_related_and_intimate_texts_stay_restrained(examples: list[Example]) -> None:
    explicit = ("naked", "genital", "penis", "vagina", "breasts", "masturbat", "explicit pose", "oral sex")
    found = [e.id for e in examples if {14, 15} & set(e.articles) and any(word in e.text.lower() for word in explicit)]
    assert found == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"articles": [13, 7]}, "sorted"),
        ({"articles": [6]}, "within 7-17"),
        ({"articles": []}, "stage"),
        ({"paragraphs": ["13(a)"]}, "13(a)"),
        ({"rulings": [str(len(all_rulings()) + 1)]}, "rulings"),
        ({"rulings": ["0"]}, "rulings"),
        ({"rulings": ["art6"]}, "rulings"),
        ({"rulings": []}, "rulings"),
        ({"rulings": ["1", "1+13"]}, "1+13"),
        ({"genre": "poem"}, "genre"),
        ({"text": ""}, "text"),
        ({"stage": "planned"}, "stage"),
        ({"extra": 1}, "extra"),
    ],
    ids=str,
)
def test_a_broken_example_is_named_with_its_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps(VALID) + "\n" + json.dumps(VALID | changes) + "\n", encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    assert "corpus.jsonl:2" in str(caught.value)
    assert message in str(caught.value)


def test_every_ruling_may_be_cited_and_the_table_knows_them_all() -> None:
    rows = [str(ruling.row) for ruling in all_rulings()]
    cited = example(rulings=[*rows, *(f"{row}+7" for row in rows)])
    assert cited.rulings[: len(rows)] == rows
    *_, rarest = coverage_table([cited.model_copy(update={"rulings": rows[:-1]})]).splitlines()
    assert rarest.startswith(f"| rarest rulings | {rows[-1]}: 0, ")


@pytest.mark.parametrize("content", [b"", b"not json\n", b"\xff\xfe"])
def test_a_file_that_is_no_corpus_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError):
        read_corpus(path)


def test_repeated_ids_are_found() -> None:
    problems = check_corpus([example(), example(text="Something else altogether happened to a bakery.")])
    assert [p for p in problems if "E0001" in p and "more than once" in p]


def test_near_duplicates_are_found_and_rewordings_are_not() -> None:
    other = example(id="E0002", text="The clerk's account was entered last night from abroad.")
    reworded = example(id="E0003", text="Someone overseas got into the account of a clerk after midnight.")
    problems = check_corpus([example(), other, reworded])
    assert len(problems) == 1
    assert "E0002 is a near duplicate of E0001" in problems[0]


def test_templates_are_found() -> None:
    towns = ["Ankara", "Bogota", "Cairo", "Dakar", "Essen", "Fez", "Graz", "Hanoi", "Izmir", "Jakarta"]
    same = "on the evening of the fair a stranger"
    varied = ["for bread and tea", "who sold the blue bicycle", "whether trains ran", "about snow in the mountains"]
    rows = [
        example(id=f"E{i:04}", scenario=town, text=f"{town} {varied[i % 4]} {town * 3}: {same} {varied[-i % 4]} {town}")
        for i, town in enumerate(towns)
    ]
    assert any(same in problem for problem in check_corpus(rows))
    openings = [
        example(id=f"E{i:04}", scenario=town, text=f"Dear sir I {town} {varied[i % 4]} {town * 4} {i * 7919}")
        for i, town in enumerate(towns)
    ]
    assert any("dear sir i" in problem for problem in check_corpus(openings))


def test_contrast_pairs_share_a_scene_and_differ_in_articles() -> None:
    pair = [example(), example(id="E0002", articles=[], stage=None)]
    assert contrast_pairs(pair) == 1
    assert contrast_pairs([pair[0], pair[0].model_copy(update={"id": "E0003"})]) == 0


def test_folds_keep_scenarios_together_and_label_rates_even(examples: list[Example]) -> None:
    folds = folds_of(examples, 5, seed=1)
    scenario_folds: dict[str, set[int]] = {}
    for e, fold in zip(examples, folds, strict=True):
        scenario_folds.setdefault(e.scenario, set()).add(int(fold))
    assert all(len(numbers) == 1 for numbers in scenario_folds.values())
    targets = targets_of(examples)
    rates = np.array([targets[folds == number].mean(axis=0) for number in range(5)])
    assert np.abs(rates / targets.mean(axis=0) - 1).max() < 0.25


def test_the_corpus_folder_has_its_papers() -> None:
    assert all((ROOT / "training_data" / name).exists() for name in ("README.md", "annotation_guide.md"))


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": "hack*", "b": "hack*"}'])
def test_a_malformed_lexicon_is_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="lexicon"):
        Lexicon.parse(text)


def test_the_shipped_lexicon_has_one_concept_per_word_and_no_idle_entry(examples: list[Example]) -> None:
    lexicon = read_lexicon(CORPUS / "lexicon.json")
    words = {word for e in examples for word in re.findall(r"\w+|\$", e.text.lower())}
    used = {lexicon.concept(word) for word in words}
    assert set(lexicon.concepts) <= used
