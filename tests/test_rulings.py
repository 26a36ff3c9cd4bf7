"""The rulings shown beside a tag are the annotation guide's, and near ones are found."""

import json
import re
from pathlib import Path

import pytest
from conftest import CORPUS

from treatytag import classify
from treatytag.offences import ARTICLES
from treatytag.rulings import all_rulings

CASES = json.loads((Path(__file__).parent / "cases" / "contrast.json").read_text(encoding="utf-8"))


def test_rulings_are_the_guides() -> None:
    guide = (CORPUS / "annotation_guide.md").read_text(encoding="utf-8").replace("*", "").replace("`", "")
    for ruling in all_rulings():
        cells = re.search(rf"^\| {ruling.row}(?: ?†)? \| (.*)$", guide, re.MULTILINE)
        assert cells is not None
        assert cells[1].startswith(f"{ruling.scene} | {ruling.articles} | {ruling.added}")
    assert [ruling.row for ruling in all_rulings()] == list(range(1, 65))


@pytest.mark.parametrize("article", ARTICLES)
def test_every_article_has_rulings(article: int) -> None:
    assert any(ruling.mentions(article) for ruling in all_rulings())


def test_the_deciding_ruling_is_among_the_three_nearest_in_most_cases() -> None:
    rows = [(case["text"], re.match(r"row (\d+)", case["label"])) for case in CASES if case["expected"]]
    found = [int(row[1]) in [ruling.row for ruling in classify(text).rulings] for text, row in rows if row]
    assert sum(found) >= 0.7 * len(found)


def test_no_offence_has_no_ruling() -> None:
    assert classify("The museum opens at ten and the ferry leaves at noon on Sundays.").rulings == ()
