"""Labelled reports come in every format that is read, and what is none is named with its row."""

import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treatytag.errors import InputError
from treatytag.labelled import LabelledReports, read_labelled_reports
from treatytag.offences import ARTICLES

ROWS = [("My account was hacked.", [7, 13], [11]), ("The bus was late.", [], []), ("They stole it.", [13], [])]


def articles(reports: LabelledReports) -> list[list[int]]:
    return [[a for a, is_set in zip(ARTICLES, row, strict=True) if is_set] for row in reports.gold]


def write(path: Path) -> Path:
    joined = [(text, ";".join(map(str, gold)), ";".join(map(str, open_))) for text, gold, open_ in ROWS]
    columns = ("text", "articles", "contested")
    if path.suffix == ".csv":
        path.write_text("\n".join(map(",".join, [columns, *joined])), encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(dict(zip(columns, r, strict=True))) for r in ROWS), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({name: [row[i] for row in ROWS] for i, name in enumerate(columns)}), path)
    else:
        book = openpyxl.Workbook()
        for row in (columns, *joined):
            book.active.append([int(cell) if cell.isdigit() else cell or None for cell in row])
        book.save(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "xlsx"])
def test_every_format_gives_the_same_gold(suffix: str, tmp_path: Path) -> None:
    reports = read_labelled_reports(write(tmp_path / f"labelled.{suffix}"))
    assert articles(reports) == [gold for _, gold, _ in ROWS]
    assert reports.texts == [text for text, _, _ in ROWS]
    assert int((~reports.scored).sum()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\nhacked\n", "no column 'articles'"),
        ("text,articles\n", "no labelled report"),
        ("text,articles\nhacked,7\nlate,seven\n", "row 2, is not a labelled report: articles 'seven'"),
        ("text,articles\nhacked,6\n", "6, which is none of the articles"),
        ("text,articles\n,7\n", "row 1, is not a labelled report: no text"),
        ("story,articles\nhacked,7\n", "--text-column"),
        ("", "no header row"),
    ],
)
def test_what_is_no_labelled_report_is_told_in_a_sentence(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_labelled_reports(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [[7.5], [[7]], {"a": 7}, [True], True, [None], [1e400], "7;x", None, [7, 99]])
def test_articles_are_whole_numbers_of_the_convention_and_nothing_is_taken_for_one(
    value: object, tmp_path: Path
) -> None:
    path = tmp_path / "labelled.jsonl"
    path.write_text('{"text": "late", "articles": []}\n' + json.dumps({"text": "late", "articles": value}), "utf-8")
    with pytest.raises(InputError, match=r"labelled\.jsonl:2 is not a labelled report"):
        read_labelled_reports(path)
