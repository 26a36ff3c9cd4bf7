"""Data flows one way: each module imports only modules earlier in the line, and none is missing from it."""

import ast
import csv
import re
from pathlib import Path

import pytest
from conftest import ROOT

from treatytag.offences import ARTICLES, BY_ARTICLE, LABELS

ORDER = (
    *(
        "errors",
        "offences",
        "rulings",
        "lexicon",
        "corpus",
        "corpus_checks",
        "ngrams",
        "features",
        "training",
        "paragraphs",
    ),
    "profiles",
    "decision",
    *(
        "calibration",
        "evaluation",
        "intervals",
        "assessment",
        "artefact",
        "card",
        "evidence",
        "tagger",
        "drift",
        "packing",
        "rows",
        "csv_rows",
        "tables",
        "readers",
        "writers",
    ),
    *("journal", "batch", "partitions", "progress", "naming", "labelled", "mistakes", "charts"),
    *("pages", "evaluation_page", "dates", "overview", "overview_page", "cli"),
)
# What answers a user's reports must not need what trains a model.
ANSWERING = (
    *(
        "ngrams",
        "features",
        "decision",
        "evidence",
        "tagger",
        "rows",
        "csv_rows",
        "tables",
        "readers",
        "writers",
        "journal",
        "batch",
        "partitions",
        "progress",
        "naming",
        "charts",
        "pages",
    ),
    *("dates", "overview", "overview_page"),
)
TRAINING = {
    *("card", "corpus", "corpus_checks", "training", "paragraphs", "profiles", "calibration", "evaluation", "packing"),
    *("labelled", "intervals", "assessment", "mistakes", "evaluation_page"),
}
MODULES = {path.stem: path for path in (ROOT / "treatytag").glob("*.py") if not path.stem.startswith("__")}


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name.removeprefix("treatytag.") for name in names if name.startswith("treatytag")}


def test_every_module_has_its_place_in_the_line() -> None:
    assert set(ORDER) == set(MODULES)


@pytest.mark.parametrize("name", ORDER)
def test_imports_point_backwards(name: str) -> None:
    assert imported(MODULES[name]) <= set(ORDER[: ORDER.index(name)])


@pytest.mark.parametrize("name", ANSWERING)
def test_answering_does_not_need_training(name: str) -> None:
    assert imported(MODULES[name]) & TRAINING == set()


def test_modules_stay_readable() -> None:
    long = {name: lines for name, path in MODULES.items() if (lines := len(path.read_text("utf-8").splitlines())) > 400}
    assert long == {}


def test_the_readme_lists_every_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in MODULES if f"`treatytag/{name}.py`" not in readme] == []


def test_labels_and_articles_are_the_treatys() -> None:
    assert tuple(range(7, 18)) == ARTICLES
    assert [BY_ARTICLE[article].label for article in ARTICLES] == list(LABELS)
    assert LABELS == (
        "illegal_access",
        "illegal_interception",
        "data_interference",
        "system_interference",
        "misuse_of_devices",
        "ict_forgery",
        "ict_theft_or_fraud",
        "child_sexual_abuse_material",
        "child_solicitation_or_grooming",
        "non_consensual_intimate_images",
        "laundering_of_proceeds",
    )


def test_no_weights_are_ignored_by_git() -> None:
    # a git-ignored weights file would leave the wheel without a model, silently
    assert not re.search(r"npz|^/?model", (ROOT / ".gitignore").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_shipped_examples_are_reports() -> None:
    with (ROOT / "tests" / "examples" / "reports.csv").open(encoding="utf-8", newline="") as file:
        assert all(len(row["description"]) > 50 for row in csv.DictReader(file))
