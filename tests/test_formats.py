"""Every format goes in and comes out with its columns and types, and says so when it can't."""

import csv
import datetime
import decimal
import gc
import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from treatytag import InputError, batch, classify, writers
from treatytag.batch import BatchOptions, Summary, answer_columns, tag_file
from treatytag.readers import ReadOptions

REPORTS = ["My account was hacked and emptied.", "The bus was late.", "Hackers defaced the town's website."]
ARTICLES = [";".join(map(str, classify(text).articles)) for text in REPORTS]


def make(path: Path) -> Path:
    """Write the reports in the format of `path`, with a number and a date column where the format has types."""
    rows = [{"n": i, "day": datetime.date(2026, 1, 1 + i), "text": text} for i, text in enumerate(REPORTS)]
    plain = [{**row, "day": str(row["day"])} for row in rows]
    table = io.StringIO()
    delimiter = "\t" if ".tsv" in path.name else ","
    writer = csv.DictWriter(table, ["n", "day", "text"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(plain)
    lines = "".join(json.dumps(row) + "\n" for row in plain)
    content = (lines if "jsonl" in path.name else table.getvalue()).encode()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content))
    elif path.suffix == ".zst":
        path.write_bytes(zstandard.compress(content))
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        assert book.active is not None
        for values in [["n", "day", "text"], *[list(row.values()) for row in rows]]:
            book.active.append(values)
        book.save(path)
    else:
        path.write_bytes(content)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pyarrow.parquet.read_table(path).to_pylist())
    if path.suffix == ".xlsx":
        header, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
        return [dict(zip(map(str, header), row, strict=True)) for row in rows]
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    elif path.suffix == ".zst":
        content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
    if "jsonl" in path.name:
        return [json.loads(line) for line in content.decode().rstrip("\n").split("\n")]
    delimiter = "\t" if ".tsv" in path.name else ","
    return list(csv.DictReader(io.StringIO(content.decode(errors="surrogateescape"), newline=""), delimiter=delimiter))


NAMES = ["a.csv", "a.tsv", "a.jsonl", "a.ndjson.gz", "a.csv.gz", "a.csv.zst", "a.jsonl.zst", "a.parquet", "a.xlsx"]


@pytest.mark.parametrize("given_name", NAMES)
@pytest.mark.parametrize("wanted", ["out.csv", "out.tsv", "out.jsonl.gz", "out.csv.zst", "out.parquet", "out.xlsx"])
def test_any_format_becomes_any_other(given_name: str, wanted: str, tmp_path: Path) -> None:
    summary = tag_file(make(tmp_path / given_name.replace("ndjson", "jsonl")), tmp_path / wanted)
    rows = read(tmp_path / wanted)
    assert list(rows[0]) == ["n", "day", "text", *answer_columns()]
    assert [row["text"] for row in rows] == REPORTS
    assert [row["articles"] or "" for row in rows] == ARTICLES
    assert [str(row["n"]) for row in rows] == ["0", "1", "2"]
    assert (summary.rows, summary.errors) == (3, 0)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    tag_file(make(tmp_path / "a.parquet"), tmp_path / "out.parquet")
    schema = pyarrow.parquet.read_schema(tmp_path / "out.parquet")
    assert schema.field("n").type == pyarrow.int64()
    assert schema.field("day").type == pyarrow.date32()
    assert schema.field("needs_review").type == pyarrow.bool_()
    assert schema.field("p_illegal_access").type == pyarrow.float64()


def test_excel_keeps_its_types_and_runs_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(source)
    sheet = book.worksheets[0]
    sheet["C2"] = '=cmd|"calc"'
    sheet["C2"].data_type = "s"
    sheet["C3"] = "bell _x0007_ rings"
    book.save(source)
    tag_file(source, tmp_path / "out.xlsx")
    out = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]
    assert (out["A2"].value, out["A2"].data_type) == (0, "n")
    assert out["B2"].is_date
    assert (out["C2"].value, out["C2"].data_type) == ('=cmd|"calc"', "s")


def test_control_characters_survive_an_excel_sheet(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": "bell \x07 rings"}), encoding="utf-8")
    tag_file(source, tmp_path / "out.xlsx")
    tag_file(tmp_path / "out.xlsx", tmp_path / "back.jsonl", BatchOptions(prefix="b_"))
    assert "rings" in read(tmp_path / "back.jsonl")[0]["text"]


def test_a_text_too_long_for_excel_is_cut_said_and_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a bus \x07" * 10_000, "\U0001f600" * 20_000, "My account was hacked."]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    summary = tag_file(source, tmp_path / "out.xlsx")
    rows = read(tmp_path / "out.xlsx")
    assert ["cut to what an Excel cell holds: text" in row["status"] for row in rows] == [True, True, False]
    assert [len(row["text"].encode("utf-16-le")) // 2 <= 32_767 for row in rows] == [True] * 3
    errors = [json.loads(line) for line in (tmp_path / "out.xlsx.errors.jsonl").read_text("utf-8").splitlines()]
    assert [(error["row"], error["raw"]["text"]) for error in errors] == [(1, texts[0]), (2, texts[1])]
    assert (summary.rows, summary.errors) == (3, 0)
    monkeypatch.setattr(writers, "_EXCEL_MAX_ROWS", 2)
    with pytest.raises(InputError, match="sheet holds 2 rows"):
        tag_file(make(tmp_path / "a.csv"), tmp_path / "other.xlsx")


WANTED = ["out.csv", "out.tsv.gz", "out.jsonl", "out.parquet", "out.xlsx"]
ZONE = datetime.timezone(datetime.timedelta(hours=5))
HOSTILE: dict[str, Any] = {
    "zone": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=ZONE),
    "old": datetime.date(1620, 1, 1),
    "time": datetime.time(1, 2, 3),
    "span": datetime.timedelta(days=3, microseconds=7),
    "binary": b"\xff\x00",
    "decimal": decimal.Decimal("12.50"),
    "nested": {"day": datetime.date(2026, 1, 2), "pieces": [b"x", b"\xff", None], "sum": decimal.Decimal(1)},
    "list": [datetime.datetime(2026, 1, 2)],
    "large": 2**62,
    "infinite": float("inf"),
    "none": None,
}


@pytest.mark.parametrize("wanted", WANTED)
def test_every_format_takes_every_value_of_parquet(wanted: str, tmp_path: Path) -> None:
    columns = {name: pyarrow.array([value, None]) for name, value in HOSTILE.items()}
    columns |= {
        "nano": pyarrow.array([1_700_000_000_123_456_789, None], pyarrow.timestamp("ns", "UTC")),
        "nano_span": pyarrow.array([123_456_789, None], pyarrow.duration("ns")),
        "nanos": pyarrow.array([[1_700_000_000_123_456_789], None], pyarrow.list_(pyarrow.timestamp("ns"))),
        "kind": pyarrow.array(["a", None]).dictionary_encode(),
        "map": pyarrow.array([[("k", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
        "small": pyarrow.array([1.5, None], pyarrow.float32()),
        "text": pyarrow.array(["My account was hacked.", None]),
    }
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "in.parquet")
    summary = tag_file(tmp_path / "in.parquet", tmp_path / wanted)
    assert (summary.rows, summary.errors) == (2, 1)
    if wanted == "out.parquet":
        out = pyarrow.parquet.read_table(tmp_path / wanted).select(table.column_names)
        assert out.schema.equals(table.schema)
        assert str(out) == str(table)
        return
    row = read(tmp_path / wanted)[0]
    assert row["status"] == "ok"
    assert "123456789" in str(row["nano"])
    assert "123456789" in str(row["nanos"])
    assert str(row["zone"]).startswith("2026-01-0")
    assert row["decimal"] == "12.50"
    assert row["binary"] == "ff00"
    assert "2026-01-02" in str(row["nested"])
    errors = (tmp_path / f"{wanted}.errors.jsonl").read_text(encoding="utf-8")
    assert json.loads(errors)["row"] == 2


TEXTS = [
    "a\x00b",
    "".join(map(chr, range(1, 32))),
    "lone \ud83d surrogate",
    "\ufffe\uffff",
    "_x0007_",
    "\u2028\x85 next",
]


@pytest.mark.parametrize("wanted", WANTED)
def test_every_format_takes_every_text(wanted: str, tmp_path: Path) -> None:
    lines = [{"text": text, "=1+1": {"deep": [text]}, text: 1} for text in TEXTS]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    summary = tag_file(tmp_path / "in.jsonl", tmp_path / wanted, BatchOptions(explain=True))
    assert (summary.rows, summary.errors) == (len(TEXTS), 0)
    rows = read(tmp_path / wanted)
    assert len(rows) == len(TEXTS)
    assert ("'=1+1" if "sv" in wanted else "=1+1") in rows[0]
    assert "lone" in rows[2]["text"]
    assert "surrogate" in rows[2]["text"]
    if wanted == "out.jsonl":
        assert [row["text"] for row in rows] == TEXTS


def test_a_workbook_with_several_filled_sheets_asks_for_one(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "cover"
    for name, texts in (("north", ["hacked account"]), ("south", ["the bus was late", None, "stolen password"])):
        sheet = book.create_sheet(name)
        for cell in ["text", *texts, None]:
            sheet.append([cell])
    book.save(tmp_path / "in.xlsx")
    with pytest.raises(InputError, match=r"'north', 'south'.*--sheet"):
        tag_file(tmp_path / "in.xlsx", tmp_path / "out.csv")
    with pytest.raises(InputError, match="no sheet 'west'; its sheets are 'cover', 'north', 'south'"):
        tag_file(tmp_path / "in.xlsx", tmp_path / "out.csv", BatchOptions(read=ReadOptions(sheet="west")))
    tag_file(tmp_path / "in.xlsx", tmp_path / "out.csv", BatchOptions(read=ReadOptions(sheet="south")))
    assert [row["text"] for row in read(tmp_path / "out.csv")] == ["the bus was late", "stolen password"]
    del book["north"]
    book.save(tmp_path / "one.xlsx")
    assert tag_file(tmp_path / "one.xlsx", tmp_path / "one.csv").rows == 2


def test_a_folder_of_texts_is_read_in_name_order(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for i in (2, 0, 1):
        (folder / f"r{i}.txt").write_bytes(REPORTS[i].encode() + b"\n")
    (folder / "r3.txt").write_bytes(b"")
    (folder / "r4.txt").write_bytes(b"caf\xe9 account hacked")
    (folder / "r5.txt").mkdir()
    (folder / "r6.txt").symlink_to(folder / "nowhere")
    (folder / "Sub").mkdir()
    (folder / "Sub" / "R.TXT").write_bytes(REPORTS[0].encode())
    tag_file(folder, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["file"] for row in rows] == ["Sub/R.TXT", *(f"r{i}.txt" for i in range(7))]
    assert [row["articles"] for row in rows[:4]] == [ARTICLES[0], *ARTICLES]
    assert [row["status"][:8] for row in rows[4:]] == ["no text", "ok: unde", "can't be", "can't be"]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.xlsx"])
def test_two_columns_of_one_name_are_refused_in_every_format(name: str, tmp_path: Path) -> None:
    header, cells = ["text", "x", "x"], ["hacked", "1", "2"]
    if name == "a.parquet":
        table = pyarrow.Table.from_arrays([pyarrow.array([cell]) for cell in cells], names=header)
        pyarrow.parquet.write_table(table, tmp_path / name)
    elif name == "a.xlsx":
        book = openpyxl.Workbook()
        assert book.active is not None
        book.active.append(header)
        book.active.append(cells)
        book.save(tmp_path / name)
    else:
        (tmp_path / name).write_text(",".join(header) + "\n" + ",".join(cells) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="more than one column named 'x'"):
        tag_file(tmp_path / name, tmp_path / "out.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx", "a.csv.gz", "a.jsonl.zst"])
def test_a_broken_file_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"this is no such file")
    with pytest.raises(InputError) as caught:
        tag_file(tmp_path / name, tmp_path / "out.csv")
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    rng = random.Random(0)
    text = "text\n" + "".join(f"account {rng.random()} hacked\n" for _ in range(50_000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode())[:-5000])
    with pytest.raises(InputError, match="can't be read"):
        tag_file(tmp_path / "a.csv.gz", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    source = make(tmp_path / "a.parquet")
    monkeypatch.setattr("treatytag.rows.import_module", absent)
    with pytest.raises(InputError, match=r"install treatytag\[parquet\]"):
        tag_file(source, tmp_path / "out.csv")


def test_huge_cells_cost_only_their_row(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write("id,text\n1,My account was hacked\n2,")
        for _ in range(100):
            file.write("x" * 1_000_000)
        file.write("\n3,the weather is fine\n4," + "word " * 250_000 + "\n")
    summary = tag_file(source, tmp_path / "out.csv")
    csv.field_size_limit(2**31 - 1)
    rows = read(tmp_path / "out.csv")
    assert [row["status"][:11] for row in rows] == ["ok", "unreadable ", "ok", "text longer"]
    assert (summary.rows, summary.errors) == (4, 2)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    first, _ = (tmp_path / "out.csv.errors.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["raw"] == "2," + "x" * 100_000_000


@pytest.mark.parametrize(
    ("number", "message"), [(28, "disk is full.*--resume"), (13, "no permission"), (5, "can't be")]
)
def test_a_write_that_fails_leaves_a_sentence_and_no_half_output(
    number: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "no")

    source = make(tmp_path / "a.csv")
    with monkeypatch.context() as patch:
        patch.setattr(writers._CsvWriter, "write", fail)
        with pytest.raises(InputError, match=message):
            tag_file(source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    tag_file(source, tmp_path / "out.csv", BatchOptions(resume=True))
    assert [row["articles"] for row in read(tmp_path / "out.csv")] == ARTICLES


@pytest.mark.parametrize("wanted", ["out.csv.gz", "out.jsonl.zst", "out.parquet", "out.xlsx"])
def test_a_disk_that_fills_up_at_the_last_step_leaves_nothing_half_done(
    wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {".gz": "_CsvWriter", ".zst": "_JsonlWriter", ".parquet": "_ParquetWriter"}
    source = make(tmp_path / "a.csv")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if wanted == "out.xlsx":
            patch.setattr("zipfile.ZipFile.writestr", fail)
        else:
            patch.setattr(getattr(writers, kinds[Path(wanted).suffix]), "close", fail)
        with pytest.raises(InputError, match="is full; free some space"):
            tag_file(source, tmp_path / wanted)
        ignored: list[Any] = []
        patch.setattr("sys.unraisablehook", ignored.append)  # it prints "Exception ignored"
        gc.collect()
        assert ignored == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", f"{wanted}.journal"]
    assert tag_file(source, tmp_path / wanted, BatchOptions(resume=True)).rows == 3


def test_a_folder_without_permission_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, real = make(tmp_path / "a.csv"), Path.exists

    def exists(path: Path, **options: Any) -> bool:
        if path.name == "out.csv":
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(InputError, match="no permission; choose another folder"):
        tag_file(source, tmp_path / "out.csv")


def test_the_journal_tells_why_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "a.csv")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("treatytag.journal.os.fsync", full)
    with pytest.raises(InputError, match="disk is full"):
        tag_file(source, tmp_path / "out.csv")
    assert not list(tmp_path.glob(".unfinished*"))


CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20))
def test_no_row_and_no_cell_of_any_text_is_lost(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    lines = [json.dumps({"text": text, "other": other}) for text, other in rows]
    (folder / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    seen: list[int] = []
    summary = tag_file(folder / "in.jsonl", folder / "out.jsonl", progress=lambda s: seen.append(s.rows))
    assert [(row["text"], row["other"]) for row in read(folder / "out.jsonl")] == rows
    assert summary.rows == len(rows) == seen[-1]
    tag_file(folder / "in.jsonl", folder / "out.csv")
    kept = [(row["text"], row["other"]) for row in read(folder / "out.csv")]
    assert kept == [(writers.guarded(text), writers.guarded(other)) for text, other in rows]


def test_the_summary_counts_what_is_in_the_file(tmp_path: Path) -> None:
    summary: Summary = tag_file(make(tmp_path / "a.csv"), tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert summary.tagged + summary.empty + summary.errors == summary.rows == len(rows)
    assert summary.tagged == sum(bool(row["articles"]) for row in rows)
    assert summary.needs_review == sum(row["needs_review"] == "True" for row in rows)
    assert summary.as_dict()["articles"]["7"] == sum("7" in row["articles"].split(";") for row in rows)
    assert batch.answer_columns()["articles"] is str
