"""Figures, charts and report texts -> one self-contained HTML file, every text of a report escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from treatytag.errors import InputError
from treatytag.offences import ARTICLES, BY_ARTICLE, BY_LABEL, NOTICE, short_title
from treatytag.readers import needed

TEMPLATES = Path(__file__).parent / "templates"
MAX_SHOWN = 1200  # characters of a report
_BEFORE = 300  # of these, before the first words shown
NOTHING = "\N{EN DASH}"

_controls = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Segment:
    """A piece of a report, marked where it is evidence."""

    text: str
    is_marked: bool


@dataclass(frozen=True)
class Article:
    """What pages call an article."""

    number: int
    name: str
    title: str


ALL_ARTICLES = tuple(Article(n, short_title(BY_ARTICLE[n].label), BY_ARTICLE[n].title) for n in ARTICLES)


def article_of(label: str) -> Article:
    """Return the article of a label."""
    return ALL_ARTICLES[ARTICLES.index(BY_LABEL[label].article)]


def segments(text: str, spans: Sequence[tuple[int, int]], limit: int = MAX_SHOWN) -> tuple[Segment, ...]:
    """Cut a report into marked and unmarked pieces; of a long one, show `limit` characters around the first mark.

    Args:
        text: the report.
        spans: where the marks begin and end, in characters; those that overlap or lie outside are put right.
        limit: how many characters to show.
    """
    spans = sorted((max(start, 0), min(end, len(text))) for start, end in spans)
    first = spans[0][0] if spans else 0
    begin = 0 if len(text) <= limit else max(0, min(first - _BEFORE, len(text) - limit))
    finish = min(len(text), begin + limit)
    pieces = [Segment("\N{HORIZONTAL ELLIPSIS}", False)] if begin else []
    place = begin
    for start, end in spans:
        start, end = max(start, place), min(end, finish)
        if start < end:
            pieces += [Segment(text[place:start], False), Segment(text[start:end], True)]
            place = end
    pieces.append(Segment(text[place:finish], False))
    if finish < len(text):
        pieces.append(Segment("\N{HORIZONTAL ELLIPSIS}", False))
    return tuple(piece for piece in pieces if piece.text)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage, a dash for None."""
    return NOTHING if share is None else f"{share:.{digits}%}"


def decimal(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of decimals, a dash for None."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def visible(text: object) -> str:
    """Return a text with characters that HTML forbids, or that can't be encoded, replaced."""
    return _controls.sub("\N{REPLACEMENT CHARACTER}", str(text).replace("\r\n", "\n"))


def render(template: str, **values: Any) -> str:
    """Fill a template of the package; everything is escaped.

    Raises:
        InputError: Jinja2 is not installed.
    """
    jinja2 = needed("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,  # escaped markup is left alone
    )
    environment.filters |= {"percent": percent, "decimal": decimal, "count": "{:,}".format}
    shared = {"notice": NOTICE, "today": date.today().isoformat(), "articles": ALL_ARTICLES}
    return str(environment.get_template(template).render(shared | values))


def check_output(path: Path, is_overwriting: bool) -> None:
    """See before any work is done that a page can be written.

    Raises:
        InputError: its folder does not exist, or it exists already and is not to be replaced.
    """
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}; create it first, or choose another.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not is_overwriting:
        raise InputError(f"{path} exists already; give another name, or --overwrite.")


def write_page(path: Path, html: str) -> None:
    """Write a page.

    Raises:
        InputError: it can't be written.
    """
    try:
        path.write_text(html, encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise InputError(f"{path} can't be written ({error.strerror}); choose another place.") from error
