"""The command line does what its help says, and fails in one sentence."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from conftest import ROOT

from treatytag import InputError, classify
from treatytag.artefact import default_model_dir
from treatytag.card import refresh_card
from treatytag.cli import cli

EXAMPLES = ROOT / "tests" / "examples" / "reports.csv"


def run(*arguments: object, stdin: bytes = b"", script: str = "") -> subprocess.CompletedProcess[bytes]:
    start = [sys.executable, script] if script else [sys.executable, "-m", "treatytag"]
    return subprocess.run([*start, *map(str, arguments)], input=stdin, capture_output=True, cwd=ROOT, check=False)


def test_the_shipped_examples_are_tagged_by_script_and_command_alike(tmp_path: Path) -> None:
    by_script = run(EXAMPLES, "-o", tmp_path / "a.csv", script="classify.py")
    by_command = run("classify", EXAMPLES, "-o", tmp_path / "b.csv")
    assert (by_script.returncode, by_command.returncode) == (0, 0), by_script.stderr
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["report_id"] for row in rows] == [f"R-{i:03}" for i in range(1, 16)]
    assert b"15 rows" in by_command.stderr
    assert by_command.stdout == b""


def test_one_text_gets_a_readable_answer_with_the_notice() -> None:
    text = "The attackers encrypted our servers and demanded a ransom in bitcoin."
    done = run("classify", "--text", text)
    printed = done.stdout.decode("utf-8")
    assert done.returncode == 0
    assert all(f"Article {article}" in printed for article in classify(text).articles)
    assert "no finding of guilt" in printed
    assert "No Convention offence reported" in run("classify", "--text", "A dog barked all night.").stdout.decode()


def test_pipes_in_and_out(tmp_path: Path) -> None:
    lines = b'{"text": "My account was hacked"}\n{"text": "The bus was late"}\n'
    done = run("classify", "-", "--format", "jsonl", stdin=lines)
    assert done.returncode == 0
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["ok", "ok"]
    done = run("classify", "-", stdin=b"text\nMy account was hacked\n")
    assert done.stdout.splitlines()[0].startswith(b"text,articles,labels,needs_review,status,p_illegal_access")


def test_untaggable_rows_give_exit_code_3_and_a_summary(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text\nhacked\n \n", encoding="utf-8")
    done = run("classify", source, "-o", tmp_path / "out.csv", "--summary", tmp_path / "summary.json")
    assert done.returncode == 3
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (summary["rows"], summary["errors"]) == (2, 1)
    assert len(summary["input_sha256"]) == 64
    assert summary["model_id"]


needs_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")


def test_a_path_that_no_system_takes_is_named(tmp_path: Path) -> None:
    done = run("check", tmp_path / ("x" * 300))
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"x can't be used" in done.stderr


@needs_full_disk
@pytest.mark.parametrize("command", [("show", "13"), ("classify", "--text", "My account was hacked last night.")])
def test_a_printed_answer_that_finds_no_room_is_told_in_one_sentence(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-m", "treatytag", *command], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
    assert "standard output can't be written" in done.stderr.decode()


@needs_full_disk
@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_a_full_disk_behind_standard_output_is_told_in_one_sentence(format_: str) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "treatytag", "classify", str(EXAMPLES), "--format", format_]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("treatytag: standard output can't be written: the disk is full")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("failing", ["treatytag.cli.shutil.copyfileobj", "treatytag.cli.tempfile.TemporaryDirectory"])
def test_standard_input_that_cannot_be_kept_is_told(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(failing, fail)
    result = CliRunner().invoke(cli, ["classify", "-"], input="text\nhacked\n")
    assert isinstance(result.exception, InputError)
    assert "TMPDIR" in str(result.exception)


def test_the_table_comes_before_a_summary_that_fails_and_a_missing_folder_before_the_run(tmp_path: Path) -> None:
    done = run("classify", EXAMPLES, "-o", tmp_path / "out.csv", "--summary", tmp_path / "no" / "summary.json")
    assert done.returncode == 1
    assert b"create it first" in done.stderr
    assert not (tmp_path / "out.csv").exists()
    if Path("/dev/full").exists():
        done = run("classify", EXAMPLES, "-o", tmp_path / "out.csv", "--summary", "/dev/full")
        assert done.returncode == 1
        assert b"15 rows" in done.stderr
        assert b"can't be written (No space left on device)" in done.stderr


def test_rows_lost_to_standard_output_are_told(tmp_path: Path) -> None:
    done = run("classify", "-", "--format", "jsonl", stdin=b'{"text": "hacked account"}\nrubbish\n')
    assert done.returncode == 3
    assert b"1 rows could not be tagged" in done.stderr
    assert b"-o FILE" in done.stderr


def test_a_sheet_can_be_chosen(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("north", "south"):
        book.create_sheet(name).append(["text"])
        book[name].append([f"hacked in the {name}"])
    book.save(tmp_path / "in.xlsx")
    assert b"--sheet" in run("classify", tmp_path / "in.xlsx").stderr
    assert b"hacked in the south" in run("classify", tmp_path / "in.xlsx", "--sheet", "south").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["classify", "nowhere.csv"], 1, "does not exist"),
        (["classify", EXAMPLES, "--text-column", "story"], 1, "'story'"),
        (["classify", EXAMPLES, "--model", "nowhere"], 1, "no model in"),
        (["classify", EXAMPLES, "-o", "nowhere/out.csv"], 1, "create it first"),
        (["classify"], 2, "--text"),
        (["classify", EXAMPLES, "--text", "both"], 2, "--text"),
        (["classify", EXAMPLES, "--jobs", "0"], 2, "--jobs"),
        (["sing"], 2, "sing"),
        (["show", "6"], 2, "6"),
        (["evaluate", "nowhere.jsonl"], 1, "does not exist"),
        (["check", "nowhere"], 1, "nowhere"),
    ],
    ids=str,
)
def test_errors_are_one_sentence_on_stderr(arguments: list[object], code: int, message: str) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert message in done.stderr.decode("utf-8")
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
    if code == 1:
        assert done.stderr.startswith(b"treatytag: ")
        assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_has_help_and_stands_in_the_readme(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output) > 100
    assert f"treatytag {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_show_prints_the_article_and_its_paragraphs() -> None:
    printed = run("show", "13").stdout.decode("utf-8")
    assert "Article 13. Information and communications technology system-related theft or fraud" in printed
    assert all(number in printed for number in ("13(a)", "13(b)", "13(c)"))


def test_evaluate_measures_and_saves(tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    reports = [
        {"text": "My account was hacked.", "articles": [7], "contested": [11]},
        {"text": "The bus was late.", "articles": []},
    ]
    labelled.write_text("\n".join(map(json.dumps, reports)), encoding="utf-8")
    done = run("evaluate", labelled, "--save", tmp_path / "figures.json")
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert (figures["n_reports"], figures["n_empty"]) == (2, 1)
    assert f"micro F1 {figures['micro_f1']:.3f}" in done.stdout.decode()


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two reports, one contested only, one empty."""
    path = tmp_path / "labelled.jsonl"
    reports = [
        {"text": "Hackers broke into the clinic's servers last night.", "articles": [7], "contested": [7]},
        {"text": "The bus was late.", "articles": []},
    ]
    path.write_text("\n".join(map(json.dumps, reports)), encoding="utf-8")
    return path


def test_a_contested_report_is_not_counted_as_empty(labelled: Path, tmp_path: Path) -> None:
    done = run("evaluate", labelled, "--save", tmp_path / "figures.json")
    printed = done.stdout.decode()
    assert "empty reports tagged 0.000 " in printed
    assert "1 of them empty" in printed
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["n_empty"] == 1


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_model_dir(), tmp_path / "model"))


def save_figures(labelled: Path, model: Path, save: Path, monkeypatch: pytest.MonkeyPatch) -> BaseException | None:
    """Run `evaluate --save` with a model whose card can't be written; return what stopped it."""
    write_text = Path.write_text

    def refuse(path: Path, *arguments: object, **options: object) -> int:
        if path.name == "README.md":
            raise PermissionError(13, "Permission denied", str(path))
        return write_text(path, *arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        arguments = ["evaluate", str(labelled), "--model", str(model), "--save", str(save)]
        return CliRunner().invoke(cli, arguments).exception


def test_figures_saved_elsewhere_leave_the_model_card_alone(
    labelled: Path, model_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert save_figures(labelled, model_copy, tmp_path / "real_dev.json", monkeypatch) is None
    assert (tmp_path / "real_dev.json").exists()


def test_figures_saved_with_the_model_refresh_its_card(
    labelled: Path, model_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = model_copy / "reports" / "real_dev.json"
    error = save_figures(labelled, model_copy, save, monkeypatch)
    assert isinstance(error, InputError)
    assert str(model_copy / "README.md") in str(error)
    assert "\n" not in str(error)
    done = run("evaluate", labelled, "--model", model_copy, "--save", save)
    assert done.returncode == 0, done.stderr  # though nothing is wrong in these reports, and no figure tells of it
    assert ", 2 reports, 1 of them without an offence." in (model_copy / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_report_without_figures_is_named(content: str, model_copy: Path) -> None:
    broken = model_copy / "reports" / "cross_validation.json"
    broken.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"cross_validation\.json holds no figures"):
        refresh_card(model_copy)
    refresh_card(model_copy, model_copy / "reports" / "no_part_of_the_card.json")


@pytest.mark.parametrize("line", ["{", '{"text": "x"}', '{"text": "x", "articles": [99]}', "[]"])
def test_evaluate_names_the_line_that_is_no_labelled_report(line: str, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text('{"text": "ok", "articles": []}\n' + line, encoding="utf-8")
    done = run("evaluate", labelled)
    assert done.returncode == 1
    assert b"labelled.jsonl:2" in done.stderr
