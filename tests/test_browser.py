"""Both pages work in a browser: from disk, offline, wide and narrow, light and dark, by keyboard, for everybody."""

import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from treatytag.batch import BatchOptions, tag_file
from treatytag.evaluation_page import prepare_folder, report_of, write_evaluation
from treatytag.labelled import read_labelled_reports
from treatytag.overview import OverviewOptions
from treatytag.overview_page import write_overview
from treatytag.tagger import Tagger

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
REPORTS = [
    ("2026-01-02", "Hackers stole the clinic's patient database last night.", [7]),
    # labelled wrongly on purpose: only mistakes show their text in an evaluation
    ("2026-01-09", "<script>document.title = 'broken'</script> My account was hacked and my savings stolen.", [10]),
    ("2026-02-02", "The bus was late and the driver rude.", [17]),
    ("2026-02-11", "unbroken" * 60 + " The attackers encrypted our servers and demanded a ransom in bitcoin.", [9, 10]),
    ("2026-03-01", "My former husband put a recording of the two of us in bed on a video site.", [16]),
    ("2026-03-05", "He sells stolen passwords and a tool for breaking into mail accounts on a forum.", [11]),
]
FOCUSABLE = "a[href], button, summary, [tabindex='0']"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; install it to test the pages"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two pages, made of the same reports."""
    place = tmp_path_factory.mktemp("browser")
    rows = [{"id": i, "date": day, "text": text, "articles": gold} for i, (day, text, gold) in enumerate(REPORTS)]
    labelled = place / "labelled.jsonl"
    labelled.write_text("\n".join(json.dumps(row) for row in rows * 4), encoding="utf-8")
    tagger = Tagger.load()
    prepare_folder(place / "report", is_overwriting=False)
    write_evaluation(place / "report", report_of(read_labelled_reports(labelled), tagger, labelled.name))
    tag_file(labelled, place / "tagged.csv", BatchOptions(prefix="un_"))
    write_overview(place / "tagged.csv", place / "report.html", tagger, OverviewOptions(prefix="un_"))
    return place


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(params=["report/index.html", "report.html"])
def address(request: pytest.FixtureRequest, folder: Path) -> str:
    return (folder / str(request.param)).as_uri()


def opened(browser: Browser, address: str, width: int = 1280, scheme: Any = "light", script: bool = True) -> Page:
    """Open a page without network; what it asks for and complains of is kept in `page.heard`."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, java_script_enabled=script
    )
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url) if request.url != address else None)
    page.goto(address)
    assert heard == []
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_is_accessible_and_never_wider_than_its_window(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    page = opened(browser, address, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.context.close()


def test_the_two_schemes_differ(browser: Browser, address: str) -> None:
    colours = {
        opened(browser, address, scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


@pytest.mark.parametrize("width", [1280, 390])
def test_everything_interactive_is_reached_by_tab_in_order_and_seen(browser: Browser, address: str, width: int) -> None:
    page = opened(browser, address, width)
    wanted = page.eval_on_selector_all(
        FOCUSABLE, "all => all.filter(one => one.checkVisibility()).map((one, i) => one.dataset.order = String(i))"
    )
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        order, outline = page.evaluate(
            "(() => { const one = document.activeElement;"
            " return [one.dataset.order, getComputedStyle(one).outlineStyle] })()"
        )
        assert outline == "solid"
        reached.append(order)
    assert reached == wanted
    assert len(wanted) >= 10
    page.context.close()


def test_the_skip_link_leads_to_the_content(browser: Browser, address: str) -> None:
    page = opened(browser, address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()


def test_the_accessibility_tree_has_headings_tables_and_named_images(browser: Browser, address: str) -> None:
    page = opened(browser, address)
    tree = page.locator("body").aria_snapshot()
    images = re.findall(r"""- '?img(?: "([^"]*)")?""", tree)
    assert images and all(images)
    assert len(images) == page.locator("svg[role=img]").count()
    assert tree.count("- table ") + len(re.findall(r"- table:", tree)) >= 2
    assert '- heading "' in tree
    levels = [int(name[1]) for name in page.eval_on_selector_all("h1, h2, h3, h4", "all => all.map(h => h.tagName)")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    page.context.close()


def test_a_page_works_without_script(browser: Browser, address: str) -> None:
    page = opened(browser, address, script=False)
    details = page.locator("details").first
    details.locator("summary").click()
    assert details.locator("table").is_visible()
    page.context.close()


def test_a_script_in_a_report_is_text(browser: Browser, address: str) -> None:
    page = opened(browser, address)
    assert page.title() in ("Evaluation of treatytag", "Tagged reports")
    assert page.get_by_text("document.title = 'broken'").first.is_visible()
    page.context.close()


def test_a_page_prints_on_white_with_its_tables_unfolded(browser: Browser, address: str) -> None:
    page = opened(browser, address, scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert page.locator("details table").first.is_visible()
    assert page.pdf()[:4] == b"%PDF"
    page.context.close()
