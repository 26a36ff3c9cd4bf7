"""Somebody's own labelled reports train a model that works like the shipped one."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from treatytag import CorpusError, Tagger, classify
from treatytag.corpus import read_corpus
from treatytag.labelled import read_own_corpus


@pytest.fixture(scope="module")
def own(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small corpus as an office would keep it."""
    path = tmp_path_factory.mktemp("own") / "labelled.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["narrative", "articles"])
        writer.writerows((e.text, ";".join(map(str, e.articles))) for e in read_corpus(small_corpus))
    return path


def train(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "train.py", "--jobs", "1", *options], capture_output=True, text=True, cwd=ROOT
    )


def test_a_file_of_labelled_reports_is_read_as_examples(own: Path, small_corpus: Path) -> None:
    examples = read_own_corpus(own)
    assert [(e.text, e.articles) for e in examples] == [(e.text, e.articles) for e in read_corpus(small_corpus)]
    assert read_own_corpus(small_corpus) == read_corpus(small_corpus)


def test_own_reports_train_a_model_and_its_report(own: Path, tmp_path: Path) -> None:
    done = train("--corpus", own, "--output", tmp_path / "model", "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert "cross-validated on" in done.stdout
    assert "out of fold" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    text = "Hackers broke into the mail server of the ministry and encrypted all files."
    mine, shipped = classify(text, model=tmp_path / "model"), classify(text)
    assert 7 in mine.articles
    assert mine.scores != shipped.scores
    assert Tagger.load(tmp_path / "model").model.description["corpus"]["examples"] == len(read_own_corpus(own))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,articles\nMy account was hacked yesterday by someone.,7\n", "article 7 has 1 examples and needs 10"),
        ("text,articles\nshort,7\n", "mend or remove it"),
        ("text,labels\nMy account was hacked yesterday.,7\n", "no column 'articles'"),
        ("text,articles\nMy account was hacked yesterday.,77\n", "none of the articles 7-17"),
    ],
)
def test_what_cannot_train_is_told_in_one_sentence(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(content, encoding="utf-8")
    done = train("--corpus", tmp_path / "own.csv", "--output", tmp_path / "model")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model").exists()


def test_a_broken_corpus_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"scenario": "x", "text": "too little"}\n', encoding="utf-8")
    with pytest.raises(CorpusError, match=r"own\.jsonl:1"):
        read_own_corpus(tmp_path / "own.jsonl")
