"""Rows in = rows out, in order, whatever is in them."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treatytag import InputError, classify
from treatytag.batch import BatchOptions, answer_columns, tag_file
from treatytag.csv_rows import Records
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
    "unclosed quote": (b'id,text\n1,fine\n2,"open\n3,rest\n', ["ok", "unreadable", "ok"]),
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


def test_one_missing_quote_among_many_reports_costs_one_row(tmp_path: Path) -> None:
    lines = [f'{n},"My account was hacked, {n} times"' for n in range(300)]
    lines[100] = lines[100][:-1]
    lines[200] = '200,"two\nlines, and ""quotes"""'
    lines[250] = '250,"he said "give me money" to us"'
    source = write(tmp_path / "in.csv", "id,text\n" + "\n".join(lines) + "\n")
    summary = tag_file(source, tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert [row["id"] for row in rows] == [str(n) for n in range(300)]
    assert [row["id"] for row in rows if not row["status"].startswith("ok")] == ["100"]
    assert rows[200]["text"] == 'two\nlines, and "quotes"'
    assert rows[101]["text"] == "My account was hacked, 101 times"
    assert "quotes not doubled" in rows[250]["status"]
    assert summary.errors == 1
    errors = map(json.loads, (tmp_path / "out.csv.errors.jsonl").read_text(encoding="utf-8").splitlines())
    assert [(error["row"], error["raw"]) for error in errors] == [(101, lines[100]), (251, lines[250])]


@pytest.mark.parametrize("n_after", [3, 5_000])
def test_a_quote_that_never_closes_costs_one_row(n_after: int, tmp_path: Path) -> None:
    lines = [
        "id,text",
        '0,"open',
        *(f"{n},My account was hacked" for n in range(1, n_after)),
        f'{n_after},"two\nlines"',
    ]
    tag_file(write(tmp_path / "in.csv", "\n".join(lines)), tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert [row["id"] for row in rows] == [str(n) for n in range(n_after + 1)]
    assert [row["status"].startswith("ok") for row in rows] == [False] + [True] * n_after
    assert rows[-1]["text"] == "two\nlines"


def test_quotes_made_to_be_read_over_and_over_take_no_long_time(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "id,text,x\n" + 'a",b,"c\n' * 20_000)
    summary = tag_file(source, tmp_path / "out.csv")
    assert summary.rows == summary.errors == 20_000


CELL = st.text(alphabet='ab ",\n\r', max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
def test_any_well_formed_csv_is_read_as_written(rows: list[tuple[str, str]]) -> None:
    table = io.StringIO(newline="")
    csv.writer(table, quoting=csv.QUOTE_ALL).writerows(rows)
    found = [record.cells for record in Records(io.StringIO(table.getvalue(), newline=""), ",").of(2)]
    assert found == [list(row) for row in rows]


HEADERS = {
    "trailing empty headers": (b"id,text,,\n1,hacked,,\n", ["id", "text", "column_3", "column_4"]),
    "told delimiter": (b"\xef\xbb\xbfsep=;\r\nid;text\r\n1;hacked, twice, thrice\r\n", ["id", "text"]),
}


@pytest.mark.parametrize(("content", "columns"), HEADERS.values(), ids=HEADERS.keys())
def test_headers_as_spreadsheets_write_them(content: bytes, columns: list[str], tmp_path: Path) -> None:
    tag_file(write(tmp_path / "in.csv", content), tmp_path / "out.csv")
    row = read_csv(tmp_path / "out.csv")[0]
    assert list(row)[: len(columns)] == columns
    assert (row["id"], row["status"][:2]) == ("1", "ok")


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
    "gzip by a wrong name": (gzip.compress(b"text\nx\n"), "gzip.*rename"),
    "zip by a wrong name": (b"PK\x03\x04rest", "zip.*rename"),
    "Parquet by a wrong name": (b"PAR1rest", "Parquet.*rename"),
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
