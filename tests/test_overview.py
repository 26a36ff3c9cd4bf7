"""The page of a tagged file counts what the file holds, whatever its format, and in bounded memory."""

import csv
import json
import tracemalloc
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from treatytag.batch import BatchOptions, tag_file
from treatytag.dates import MAX_MONTHS, find_date_column, month_reader, periods_of
from treatytag.errors import InputError
from treatytag.offences import LABELS
from treatytag.overview import QUEUE, Best, Case, Overview, OverviewOptions, read_overview
from treatytag.overview_page import overview_page, tagged_by
from treatytag.tagger import Tagger

EXAMPLES = ROOT / "tests" / "examples" / "reports.csv"
SENSITIVE = "child_sexual_abuse_material"


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load()


def tagged(folder: Path, name: str, **options: Any) -> Path:
    path = folder / name
    tag_file(EXAMPLES, path, BatchOptions(**options))
    return path


def made(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write a tagged file of given answers; a probability not given is 0.01."""
    columns = ["id", "text", "date", "articles", "labels", "needs_review", "status", *(f"p_{k}" for k in LABELS)]
    defaults = dict.fromkeys(columns, "") | {"status": "ok", "needs_review": "False"}
    defaults |= {f"p_{label}": "0.01" for label in LABELS}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(defaults | row for row in rows)
    return path


def counts(overview: Overview) -> tuple[int, ...]:
    return (overview.rows, overview.tagged, overview.none, overview.needs_review, overview.unreadable)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "t.xlsx", "t.tsv", "t.csv.gz"])
def test_every_format_is_counted_as_the_batch_counted_it(name: str, tmp_path: Path) -> None:
    summary = tag_file(EXAMPLES, tmp_path / name, BatchOptions())
    overview = read_overview(tmp_path / name)
    wanted = (summary.rows, summary.tagged, summary.empty, summary.needs_review, summary.errors)
    assert counts(overview) == wanted
    assert sum(overview.articles.values()) == sum(summary.articles.values())
    assert sum(overview.months.values()) + overview.undated == overview.rows


def test_a_folder_of_parquet_parts_is_counted_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("a.parquet", "b.parquet"):
        tag_file(EXAMPLES, tmp_path / "parts" / name, BatchOptions())
    assert read_overview(tmp_path / "parts").rows == 30


def test_columns_with_a_prefix_are_found_and_without_it_the_prefix_is_asked_for(tmp_path: Path) -> None:
    path = tagged(tmp_path, "t.csv", prefix="un_")
    assert read_overview(path, OverviewOptions(prefix="un_")).rows == 15
    with pytest.raises(InputError, match="--prefix"):
        read_overview(path)


def test_rows_without_an_answer_are_counted_and_nothing_else(tmp_path: Path) -> None:
    rows = [
        {"text": "hacked", "labels": "illegal_access", "p_illegal_access": "0.9", "needs_review": "True"},
        {"text": "late"},
        {"text": "", "status": "no text"},
        {"text": "edited by hand", "p_illegal_access": "high"},
        {"text": "edited by hand", "labels": "murder"},
    ]
    overview = read_overview(made(tmp_path / "t.csv", rows))
    assert counts(overview) == (5, 1, 1, 1, 3)


def test_doubt_is_the_expected_number_of_wrong_labels_as_the_tagger_tells_it(tagger: Tagger, tmp_path: Path) -> None:
    overview = read_overview(tagged(tmp_path, "t.csv"))
    for case in overview.queue.ranked():
        assert case.doubt == pytest.approx(tagger.classify(case.text).doubt, abs=0.001)
    doubts = [case.doubt for case in overview.queue.ranked()]
    assert doubts == sorted(doubts, reverse=True)


def test_articles_together_are_counted_once_a_report(tmp_path: Path) -> None:
    rows = [{"text": str(i), "labels": "illegal_access;ict_forgery;ict_theft_or_fraud"} for i in range(3)]
    overview = read_overview(made(tmp_path / "t.csv", [*rows, {"text": "x", "labels": "ict_forgery"}]))
    assert overview.pairs["ict_forgery", "ict_theft_or_fraud"] == 3
    assert sum(overview.pairs.values()) == 9
    assert overview.articles["ict_forgery"] == 4


def test_a_long_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    def peak(n_rows: int) -> int:
        rows = (
            {"text": f"{i} " + "word " * 200, "labels": LABELS[i % 11], "date": "2026-01-02"} for i in range(n_rows)
        )
        path = made(tmp_path / f"{n_rows}.csv", list(rows))
        read_overview(path)  # warm
        tracemalloc.start()
        overview = read_overview(path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(overview.queue.ranked()) == QUEUE
        return most

    assert peak(4000) < peak(1000) + 1_000_000


def test_the_best_are_kept_and_no_text_twice() -> None:
    best = Best(2)
    for number, (value, text) in enumerate([(0.1, "a"), (0.9, "b"), (0.9, "b"), (0.5, "c"), (0.5, "d")]):
        best.offer(value, number, Case(str(number), text, (), (0.0,) * 11, False, "ok", None))
    assert [case.text for case in best.ranked()] == ["b", "c"]


@pytest.mark.parametrize(
    ("cell", "month"),
    [
        ("2026-03-02", (2026, 3)),
        ("2026-03-02T10:11:12Z", (2026, 3)),
        ("2026-03", (2026, 3)),
        ("2 March 2026", (2026, 3)),
        ("Mar 2, 2026 4:15 pm", (2026, 3)),
        ("03/04/2026", (2026, 3)),
        ("02.03.2026", (2026, 2)),
        ("20260302", (2026, 3)),
        (date(2026, 3, 2), (2026, 3)),
        (datetime(2026, 3, 2, 10), (2026, 3)),
        (20260302, (2026, 3)),
        ("2026-13-02", None),
        ("Monday", None),
        ("10", None),
        ("March", None),
        ("", None),
        (None, None),
        (True, None),
        ("0001-01-01", None),
        ("9999-01-01", None),
        ("9" * 5000, None),
        ("<script>", None),
    ],
)
def test_dates_are_read_or_left_out_but_never_guessed(cell: object, month: tuple[int, int] | None) -> None:
    assert month_reader(False)(cell) == month


def test_the_day_comes_first_where_that_is_said() -> None:
    assert month_reader(True)("03/04/2026") == (2026, 4)


def test_a_date_column_is_found_by_name_or_by_option() -> None:
    assert find_date_column(["id", "Incident Date", "created"], None) == "Incident Date"
    assert find_date_column(["id", "text"], None) is None
    with pytest.raises(InputError, match="'when'"):
        find_date_column(["id"], "when")


def test_short_spans_are_shown_in_months_and_long_ones_in_years_without_gaps() -> None:
    unit, name, periods = periods_of([(2025, 11), (2026, 2)])
    assert (unit, periods) == ("month", ["2025-11", "2025-12", "2026-01", "2026-02"])
    assert name((2026, 1)) == "2026-01"
    assert periods_of([(2020, 1), (2020 + MAX_MONTHS // 12, 1)])[0] == "year"
    assert periods_of([(2019, 5), (2024, 1)])[2] == ["2019", "2020", "2021", "2022", "2023", "2024"]


def test_evidence_in_the_file_is_marked_where_it_stands() -> None:
    pieces = [
        {"label": "illegal_access", "start": 0, "text": "Hackers"},
        {"label": "ict_forgery", "start": 8, "text": "came"},
    ]
    case = Case("row 1", "'Hackers came", ("illegal_access",), (0.0,) * 11, False, "ok", json.dumps(pieces))
    assert case.spans(["illegal_access"]) == [(1, 8)]
    for odd in (None, "", "{", "[1]", '{"label": 1}', '[{"label": "illegal_access", "start": "x"}]', 7, "[" * 100_000):
        assert Case("row 1", "x", (), (0.0,) * 11, False, "ok", odd).spans(LABELS) == []


def test_the_model_is_named_only_if_it_gives_the_files_probabilities(tagger: Tagger, tmp_path: Path) -> None:
    overview = read_overview(tagged(tmp_path, "t.csv"))
    assert tagged_by(tagger, overview.first)
    page = overview_page(overview, tagger, "t.csv", OverviewOptions())
    assert f"Tagged by model {tagger.model.model_id}" in page
    assert "<mark>" in page
    foreign = read_overview(made(tmp_path / "f.csv", [{"text": "My account was hacked.", "labels": "illegal_access"}]))
    page = overview_page(foreign, tagger, "f.csv", OverviewOptions())
    assert "Model not known" in page
    assert "<mark>" not in page


def test_evidence_of_the_file_and_evidence_made_anew_mark_the_same_words(tagger: Tagger, tmp_path: Path) -> None:
    plain = read_overview(tagged(tmp_path, "plain.csv"))
    explained = read_overview(tagged(tmp_path, "explained.jsonl", explain=True))
    pages = [overview_page(overview, tagger, "t", OverviewOptions()) for overview in (plain, explained)]
    assert pages[0] == pages[1]
    assert pages[0].count("<mark>") > 5


def test_texts_about_children_and_intimate_images_stay_out_unless_asked_for(tagger: Tagger, tmp_path: Path) -> None:
    rows = [
        {"text": "TAGGED", "labels": f"illegal_access;{SENSITIVE}", f"p_{SENSITIVE}": "0.6"},
        {"text": "POSSIBLE", "labels": "illegal_access", f"p_{SENSITIVE}": "0.3"},
        {"text": "HARMLESS", "labels": "illegal_access"},
    ]
    path = made(tmp_path / "t.csv", rows)

    def page(shows: bool) -> str:
        options = OverviewOptions(shows_sensitive=shows)
        return overview_page(read_overview(path, options), tagger, "t.csv", options)

    assert [word in page(False) for word in ("TAGGED", "POSSIBLE", "HARMLESS")] == [False, False, True]
    assert "--show-sensitive" in page(False)
    assert [word in page(True) for word in ("TAGGED", "POSSIBLE", "HARMLESS")] == [True, True, True]
