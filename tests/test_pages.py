"""Pages are one file each, escape whatever a report holds, and refuse in one sentence what can't be done."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT

from treatytag import cli as commands
from treatytag.charts import Series, bar_chart, column_chart, line_chart
from treatytag.errors import InputError
from treatytag.offences import NOTICE
from treatytag.pages import Segment, segments, visible

HOSTILE = (
    '<script>alert("x")</script><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}&amp;\'"</blockquote></style>'
    "\u202egnp.exe\x00\x1b[31m javascript:alert(1) <!-- --> ]]> My account was hacked and all my savings were stolen."
)
REPORTS = [
    {"id": "<b>1</b>", "date": "2026-01-02", "text": HOSTILE, "articles": []},
    {"id": "2", "date": "<i>soon</i>", "text": "The bus was late. <script>bus()</script>", "articles": [7, 17]},
    {"id": "3", "date": "2026-03-04", "text": "Hackers stole the clinic's patient database.", "articles": [7]},
    {
        "id": "4",
        "date": "2026-04-04",
        "text": "He sent SECRETWORDS, a video of his former wife in bed.",
        "articles": [16],
    },
]


class Page(HTMLParser):
    """Collects tags, their attributes and the text outside of styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._is_style = False
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._is_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.text += data


def run(*arguments: object) -> tuple[int, str]:
    """Run the command in this process; return exit code and standard error."""
    result = CliRunner().invoke(_main, list(map(str, arguments)), standalone_mode=False)
    return (result.exit_code, result.stderr) if result.exception is None else (1, str(result.exception))


_main = commands.cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labelled and tagged hostile reports and their pages."""
    place = tmp_path_factory.mktemp("pages")
    (place / "labelled.jsonl").write_text("\n".join(map(json.dumps, REPORTS)), encoding="utf-8")
    assert run("evaluate", place / "labelled.jsonl", "-o", place / "report") == (
        0,
        _written(place / "report/index.html"),
    )
    assert run("classify", place / "labelled.jsonl", "-o", place / "tagged.csv", "--prefix", "un_")[0] == 0
    assert run("report", place / "tagged.csv", "-o", place / "report.html", "--prefix", "un_")[0] == 0
    return place


def _written(path: Path) -> str:
    return f"written to {path}\n"


@pytest.fixture(scope="module", params=["report/index.html", "report.html"])
def page(request: pytest.FixtureRequest, folder: Path) -> Page:
    return Page(folder / request.param)


def test_a_page_is_one_file_without_script_or_anything_from_elsewhere(page: Page) -> None:
    assert not {"script", "img", "iframe", "link", "object", "embed", "form", "base"} & set(page.tags)
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset")] == []
    assert [value for name, value in page.attributes if name == "href" and not str(value).startswith("#")] == []
    assert not re.search(r"url\(|@import|https?:", page.source)
    assert "default-src 'none'" in page.source


def test_hostile_texts_stand_in_a_page_as_they_are_read_and_do_nothing(page: Page) -> None:
    assert '<script>alert("x")</script>' in page.text
    assert "{{ 7 * 7 }}{% raw %}&amp;" in page.text
    assert "<b>1</b>" in page.text
    assert "b" not in page.tags
    assert not re.search("[\x00\x1b]", page.source)


def test_a_page_says_when_by_which_model_and_that_a_tag_is_no_verdict(page: Page) -> None:
    assert NOTICE in page.text
    assert re.search(r"Made on \d{4}-\d\d-\d\d", page.text)
    assert re.search(r"[Mm]odel [0-9a-f]{12}", page.text)
    assert ("lang", "en") in page.attributes


def test_a_page_withholds_texts_about_intimate_images_and_says_so(page: Page) -> None:
    assert "SECRETWORDS" not in page.source
    assert "--show-sensitive" in page.text


def test_withheld_texts_are_shown_to_whoever_asks(folder: Path) -> None:
    done = run("evaluate", folder / "labelled.jsonl", "-o", folder / "shown", "--show-sensitive")
    assert done[0] == 0
    shown = Page(folder / "shown/index.html").text
    assert "as was asked for" in shown
    assert (
        run("report", folder / "tagged.csv", "-o", folder / "shown.html", "--prefix", "un_", "--show-sensitive")[0] == 0
    )
    assert "SECRETWORDS" in Page(folder / "shown.html").text


def test_every_image_has_a_name_and_every_table_a_caption_and_scopes(page: Page) -> None:
    assert page.tags.count("caption") == page.tags.count("table")
    named = [value for name, value in page.attributes if name in ("aria-labelledby", "aria-describedby")]
    identities = {value for name, value in page.attributes if name == "id"}
    assert {part for value in named for part in str(value).split()} <= identities
    assert page.source.count("<th ") == page.source.count('<th scope="')
    assert page.tags.count("h1") == 1


def test_the_figures_are_json_without_any_text_of_a_report(folder: Path) -> None:
    content = (folder / "report/figures.json").read_text(encoding="utf-8")
    figures = json.loads(content)
    assert figures["assessment"]["n_reports"] == len(REPORTS)
    assert len(figures["assessment"]["confusion"]) == 12
    assert figures["model_id"]
    assert figures["mistakes"]
    assert "script" not in content and "bus was late" not in content


def test_the_drift_of_a_model_that_records_nothing_is_told_as_such(folder: Path) -> None:
    figures = json.loads((folder / "report/figures.json").read_text(encoding="utf-8"))
    is_recorded = figures["corpus"] is not None
    assert ("not recorded in this model" in Page(folder / "report/index.html").text) is not is_recorded


def test_a_model_trained_now_records_its_corpus(small_model: Path, folder: Path) -> None:
    done = run("evaluate", folder / "labelled.jsonl", "-o", folder / "small", "--model", small_model)
    assert done[0] == 0, done
    figures = json.loads((folder / "small/figures.json").read_text(encoding="utf-8"))
    assert 0 < figures["corpus"]["empty"] < 1
    assert figures["corpus"]["words"] == sorted(figures["corpus"]["words"])
    assert "not recorded" not in Page(folder / "small/index.html").text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "{}/tagged.csv", "-o", "{}/report.html", "--prefix", "un_"], "--overwrite"),
        (["report", "{}/tagged.csv", "-o", "{}/no/report.html", "--prefix", "un_"], "create it first"),
        (["report", "{}/tagged.csv", "-o", "{}/report", "--prefix", "un_"], "is a folder"),
        (["report", "{}/tagged.csv", "-o", "{}/new.html"], "--prefix"),
        (["report", "{}/labelled.jsonl", "-o", "{}/new.html"], "tag it first"),
        (["report", "{}/nowhere.csv", "-o", "{}/new.html"], "does not exist"),
        (["report", "{}/tagged.csv", "-o", "{}/new.html", "--prefix", "un_", "--date-column", "when"], "'when'"),
        (["report", "{}/empty.csv", "-o", "{}/new.html", "--prefix", "un_"], "has no rows"),
        (["report", "{}/zero.csv", "-o", "{}/new.html"], "no header row"),
        (["evaluate", "{}/labelled.jsonl", "-o", "{}/report"], "--overwrite"),
        (["evaluate", "{}/labelled.jsonl", "-o", "{}/no/report"], "create it first"),
        (["evaluate", "{}/labelled.jsonl", "-o", "{}/labelled.jsonl"], "choose another name"),
        (["evaluate", "{}/tagged.csv", "-o", "{}/new", "--text-column", "story"], "'story'"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_told_in_one_sentence(arguments: list[str], message: str, folder: Path) -> None:
    head = (folder / "tagged.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "empty.csv").write_text(head + "\n", encoding="utf-8")
    (folder / "zero.csv").write_text("", encoding="utf-8")
    result = CliRunner().invoke(_main, [part.format(folder) for part in arguments], standalone_mode=False)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (folder / "new.html").exists()


def test_a_missing_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, message = run("report", folder / "tagged.csv", "-o", folder / "new.html", "--prefix", "un_")
    assert (code, message) == (1, "this needs jinja2; install treatytag[report].")


def test_overwrite_replaces_a_page(folder: Path) -> None:
    before = (folder / "report.html").read_bytes()
    done = run("report", folder / "tagged.csv", "-o", folder / "report.html", "--prefix", "un_", "--overwrite")
    assert done[0] == 0
    assert (folder / "report.html").read_bytes() == before


def test_marks_that_overlap_or_lie_outside_are_put_right() -> None:
    pieces = segments("abcdef", [(4, 99), (1, 3), (2, 4), (-5, 0)])
    assert "".join(piece.text for piece in pieces) == "abcdef"
    assert [piece.text for piece in pieces if piece.is_marked] == ["bc", "d", "ef"]


def test_of_a_long_report_the_part_with_the_first_mark_is_shown() -> None:
    pieces = segments("x" * 5000 + "HERE" + "y" * 5000, [(5000, 5004)], limit=500)
    assert Segment("HERE", True) in pieces
    assert sum(len(piece.text) for piece in pieces) == 502


def test_characters_that_html_forbids_are_made_visible() -> None:
    assert visible("a\x00b\ud800c\r\nd") == "a\ufffdb\ufffdc\nd"


def test_charts_keep_within_their_frame() -> None:
    bars = bar_chart("b", "B", "alt", [("a", "5", 5.0), ("b", "0", 0.0)])
    assert [bar.width for bar in bars.bars] == [350.0, 0.0]
    assert bar_chart("b", "B", "alt", []).bars == ()
    lines = line_chart("l", "L", "alt", [Series("", [(0.0, 0.0), (0.5, None), (1.0, 1.0)])], x_title="x")
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in lines.lines[0].points.split())
    assert (x1, y1, x2, y2) == (lines.left, lines.bottom, lines.right, lines.top)
    columns = column_chart("c", "C", "alt", [("2026-01", 10, 4), ("2026-02", 0, 0)])
    assert columns.columns[0].filled_height == pytest.approx(0.4 * columns.columns[0].height)
    assert [tick.label for tick in columns.y_ticks] == ["0", "2", "4", "6", "8", "10"]


def test_the_templates_are_shipped() -> None:
    assert {path.name for path in (ROOT / "treatytag/templates").iterdir()} == {
        *("base.html", "evaluation.html", "overview.html", "parts.html", "style.css")
    }
