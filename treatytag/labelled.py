"""Files of labelled reports, in any format that is read -> texts and gold labels, for measuring and for training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from treatytag.corpus import Example, read_corpus, targets_of
from treatytag.errors import CorpusError, InputError
from treatytag.evaluation import Flags
from treatytag.naming import find_id_column, name_of
from treatytag.offences import ARTICLES
from treatytag.readers import ReadOptions, Row, Source, open_source

_separator = re.compile(r"[;,\s]+")


@dataclass(frozen=True)
class LabelledReports:
    """Reports with gold articles, for measuring.

    Attributes:
        texts: the reports.
        gold: human labels, shape (n_reports, n_labels), columns in treaty order.
        scored: same shape, False for contested cells.
        names: what a reader finds each report by in the file: its row, and its id where there is a column of ids.
    """

    texts: list[str]
    gold: Flags
    scored: Flags
    names: list[str]


def read_labelled_reports(path: Path, options: ReadOptions | None = None) -> LabelledReports:
    """Read reports with an `articles` column (numbers: a list, or joined by `;`) and, if any are open, `contested`.

    Raises:
        InputError: the file can't be read, or a row is no labelled report; the message names it.
    """
    source = open_source(path, options or ReadOptions())
    if "articles" not in source.columns:
        raise InputError(
            f"{path} has no column 'articles' (its columns are {', '.join(source.columns)}); add one with the gold "
            "article numbers joined by ;, empty where there is none."
        )
    texts: list[str] = []
    gold: list[list[bool]] = []
    scored: list[list[bool]] = []
    names: list[str] = []
    identity = find_id_column(source.columns)
    for number, row in enumerate(source.rows, 1):
        try:
            texts.append(_text(row))
            gold.append(_flags(_articles(row, "articles", source)))
            scored.append([not is_open for is_open in _flags(_articles(row, "contested", source))])
        except ValueError as error:
            raise InputError(f"{_place(path, number, source)} is not a labelled report: {error}.") from error
        names.append(name_of(number, row.values.get(identity) if identity else None))
    if not texts:
        raise InputError(f"{path} holds no labelled report; give a file with text and articles.")
    return LabelledReports(texts, np.array(gold), np.array(scored), names)


def _place(path: Path, number: int, source: Source) -> str:
    return f"{path}:{number}" if source.format == "jsonl" else f"{path}, row {number},"


def _text(row: Row) -> str:
    if row.text is None:
        raise ValueError(row.status)
    return row.text


def _articles(row: Row, column: str, source: Source) -> list[int]:
    """Return the article numbers in a cell, which may be a list, a number or text.

    Raises:
        ValueError: it holds anything else.
    """
    if column not in row.values and column == "articles":
        raise ValueError('each needs {"text": ..., "articles": [7, 13]}')
    value = row.values.get(column)
    if value is None and source.format != "jsonl":
        return []
    if value is None and column == "articles":
        raise ValueError("its articles are null; write [] for none")
    if isinstance(value, str):
        value = [part for part in _separator.split(value) if part]
    values: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    numbers = [number for part in values if (number := _whole(part)) is not None]
    if len(numbers) < len(values):
        raise ValueError(f"{column} {str(row.values[column])[:60]!r} are no article numbers")
    if strange := [number for number in numbers if number not in ARTICLES]:
        raise ValueError(f"{column} holds {strange[0]}, which is none of the articles 7-17")
    return numbers


def _whole(value: object) -> int | None:
    """Return a number without fraction, or its text, as int; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if isinstance(value, str) or number == value else None


def _flags(articles: Sequence[int]) -> list[bool]:
    return [article in articles for article in ARTICLES]


def read_own_corpus(path: Path) -> list[Example]:
    """Read examples to train on: a corpus in the shipped one's schema, or any file of labelled reports.

    Reports of the latter kind become examples without paragraphs and rulings, each a scenario of its own.

    Raises:
        CorpusError: a corpus that breaks its schema, or a report that can't be an example.
        InputError: the file can't be read.
    """
    if path.is_dir() or _is_corpus(path):
        return read_corpus(path)
    reports = read_labelled_reports(path)
    return [_example(i, reports) for i in range(len(reports.texts))]


def reports_of(examples: Sequence[Example]) -> LabelledReports:
    """Return examples as labelled reports, named by their ids."""
    gold = targets_of(examples).astype(bool)
    return LabelledReports([e.text for e in examples], gold, np.ones_like(gold), [e.id for e in examples])


def _is_corpus(path: Path) -> bool:
    if path.suffix != ".jsonl" or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return '"scenario"' in file.readline()


def _example(i: int, reports: LabelledReports) -> Example:
    articles = [article for article, is_gold in zip(ARTICLES, reports.gold[i], strict=True) if is_gold]
    try:
        return Example(
            id=f"E{900_000 + i:06d}",
            text=reports.texts[i],
            articles=articles,
            paragraphs=[],
            stage="completed" if articles else None,
            genre="other",
            language="en",
            scenario=f"own-{i}",
            rulings=[f"art{article}" for article in articles] or ["unrelated"],
        )
    except ValidationError as error:
        detail = error.errors()[0]
        raise CorpusError(
            f"{reports.names[i]} can't be an example: {detail['loc'][0]}: {detail['msg']}; mend or remove it."
        ) from error
