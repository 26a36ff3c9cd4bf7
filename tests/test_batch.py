"""Rows in = rows out, in order, whatever is in them."""

import csv
import json
from pathlib import Path

import pytest

from treatytag import InputError, classify
from treatytag.batch import BatchOptions, answer_columns, tag_file
from treatytag.readers import ReadOptions


def read_csv(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_columns_are_kept_and_the_answer_is_classifys(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", 'id,description,x\n1,"My account was hacked, twice",ü\n2,Lost umbrella,\n')
    tag_file(source, tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert list(rows[0]) == ["id", "description", "x", *answer_columns()]
    for row in rows:
        prediction = classify(row["description"])
        assert row["articles"] == ";".join(map(str, prediction.articles))
        assert row["labels"] == ";".join(prediction.labels)
        assert row["status"] == ("ok: too short to tell" if row["id"] == "2" else "ok")
        for label, probability in prediction.probabilities.items():
            assert row[f"p_{label}"] == str(round(probability, 4))
    assert (rows[0]["id"], rows[0]["x"]) == ("1", "ü")


def test_jsonl_keeps_types_and_nesting(tmp_path: Path) -> None:
    lines = [{"n": 1, "text": "hacked account", "deep": {"a": [1, None, True]}}, {"text": "sunny day", "n": 2.5}]
    source = write(tmp_path / "in.jsonl", "\n".join(map(json.dumps, lines)))
    tag_file(source, tmp_path / "out.jsonl")
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [{key: row[key] for key in line} for row, line in zip(out, lines, strict=True)] == lines
    assert out[0]["p_illegal_access"] == round(classify("hacked account").probabilities["illegal_access"], 4)
    assert isinstance(out[0]["needs_review"], bool)


BAD_ROWS = {
    "ragged": (b"id,text\n1,hacked\n2,a,b,c\n3\n4,stolen\n", ["ok", "ragged row", "ragged row", "ok"]),
    "empty text": (b"id,text\n1,\n2,   \n3,x y\n", ["no text", "no text", "ok"]),
    "undecodable": (b"id,text\n1,caf\xe9 hacked\n2,fine \xc3\xa9\xc3\xa9\xc3\xa9\n", ["ok: undecodable", "ok"]),
    "NUL": (b"id,text\n1,a\x00b\n2,c\n", ["ok", "ok"]),
    "unclosed quote": (b'id,text\n1,fine\n2,"open\n3,rest\n', ["ok", "ok"]),
    "blank lines": (b"id,text\n\n1,a\n\n\n2,b\n", ["ok", "ok"]),
    "carriage returns": (b"id,text\r1,a\r2,b\r", ["ok", "ok"]),
}


@pytest.mark.parametrize(("content", "statuses"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_csv_row_costs_only_itself(content: bytes, statuses: list[str], tmp_path: Path) -> None:
    summary = tag_file(write(tmp_path / "in.csv", content), tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert [row["status"][: len(status)] for row, status in zip(rows, statuses, strict=True)] == statuses
    assert summary.rows == len(statuses)
    failed = [number for number, status in enumerate(statuses, 1) if not status.startswith("ok")]
    assert summary.errors == len(failed)
    errors = tmp_path / "out.csv.errors.jsonl"
    assert errors.exists() == bool(failed)
    if failed:
        assert [json.loads(line)["row"] for line in errors.read_text(encoding="utf-8").splitlines()] == failed


def test_a_bad_jsonl_row_costs_only_itself_and_its_line_is_kept(tmp_path: Path) -> None:
    bad = ["not json", "[1]", '{"text": 5}', '{"text": null}', "[" * 100_000, '{"other": 1}']
    source = write(tmp_path / "in.jsonl", '{"text": "hacked"}\n' + "\n".join(bad) + '\n{"text": "stolen"}\n')
    summary = tag_file(source, tmp_path / "out.jsonl")
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["status"].startswith("ok") for row in out] == [True, *[False] * 6, True]
    assert (summary.rows, summary.errors) == (8, 6)
    errors = (tmp_path / "out.jsonl.errors.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(errors[0])["raw"] == "not json"


def test_undecodable_bytes_come_out_as_they_went_in(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", b"text,note\nna\xefve transfer,\xff\xfe\n")
    tag_file(source, tmp_path / "out.csv", BatchOptions(read=ReadOptions(encoding="utf-8")))
    assert b"na\xefve transfer,\xff\xfe," in (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(encoding: str, delimiter: str, tmp_path: Path) -> None:
    text = f"nr{delimiter}description\r\n7{delimiter}Müller's Größe naïve café déjà vu überwiesen\r\n" * 1
    text += f"8{delimiter}Später wurde für Jürgen Geld überwiesen\r\n" * 20
    source = write(tmp_path / "in.csv", text.encode(encoding))
    tag_file(source, tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert rows[0]["description"] == "Müller's Größe naïve café déjà vu überwiesen"
    assert len(rows) == 21


REFUSED = {
    "no header": (b"", "header"),
    "no text column": (b"a,b\n1,2\n", "--text-column"),
    "repeated column": (b"text,a,a\nx,1,2\n", "'a'"),
    "tagged already": (b"text,articles\nx,7\n", "--prefix"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_an_unusable_file_is_refused_in_one_sentence(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        tag_file(write(tmp_path / "in.csv", content), tmp_path / "out.csv")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "text\nhacked\n")
    with pytest.raises(InputError, match="does not exist"):
        tag_file(tmp_path / "none.csv", tmp_path / "out.csv")
    with pytest.raises(InputError, match="names no format"):
        tag_file(write(tmp_path / "in.pdf", "x"), tmp_path / "out.csv")
    with pytest.raises(InputError, match="names no format"):
        tag_file(source, tmp_path / "out.doc")
    with pytest.raises(InputError, match="create it first"):
        tag_file(source, tmp_path / "no" / "out.csv")
    with pytest.raises(InputError, match="exists already"):
        tag_file(source, write(tmp_path / "there.csv", "keep"))
    with pytest.raises(InputError, match="same file"):
        tag_file(source, source, BatchOptions(overwrite=True))
    with pytest.raises(InputError, match="no column 'body'; the columns are text"):
        tag_file(source, tmp_path / "out.csv", BatchOptions(read=ReadOptions(text_column="body")))
    with pytest.raises(InputError, match="no encoding"):
        tag_file(source, tmp_path / "out.csv", BatchOptions(read=ReadOptions(encoding="klingon")))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "in.pdf", "there.csv"]


def test_a_prefix_lets_a_tagged_file_be_tagged_again(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "text\nMy account was hacked\n")
    tag_file(source, tmp_path / "once.csv")
    tag_file(tmp_path / "once.csv", tmp_path / "twice.csv", BatchOptions(prefix="second_"))
    row = read_csv(tmp_path / "twice.csv")[0]
    assert row["second_articles"] == row["articles"]


def test_text_that_was_no_csv_cell_does_not_become_a_formula(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", json.dumps({"text": '=HYPERLINK("http://x")', "n": -5}) + "\n")
    tag_file(source, tmp_path / "out.csv")
    row = read_csv(tmp_path / "out.csv")[0]
    assert row["text"] == '\'=HYPERLINK("http://x")'
    assert row["n"] == "-5"
