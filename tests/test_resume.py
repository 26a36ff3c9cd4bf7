"""A run that is killed at any moment goes on, and ends with the bytes of a run that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from treatytag import InputError
from treatytag.batch import BatchOptions, tag_file
from treatytag.readers import ReadOptions

N_ROWS = 24_000


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of twelve batches, with rows that can't be tagged among the others."""
    words = ["hacked", "account", "money", "bus", "late", "website", "defaced", "phone", "stolen", "password", "garden"]
    rng = random.Random(5)
    path = tmp_path_factory.mktemp("reports") / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("n,text\n")
        for n in range(N_ROWS):
            text = "" if n % 997 == 0 else " ".join(rng.choices(words, k=40))
            file.write(f"{n},{text}{',extra' if n % 1499 == 3 else ''}\n")
    return path


@pytest.fixture(scope="module")
def whole(reports: Path) -> tuple[bytes, bytes]:
    """The output and the error file of an uninterrupted run."""
    output = reports.with_name("whole.csv")
    tag_file(reports, output)
    return output.read_bytes(), output.with_name("whole.csv.errors.jsonl").read_bytes()


def start(reports: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "treatytag", "classify", str(reports), "-o", str(output), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments_and_resumed(
    seed: int, reports: Path, whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    """Five kills in each of four runs, the last of which works with two processes."""
    rng = random.Random(seed)
    output = tmp_path / "out.csv"
    options = ["--resume", *(["--jobs", "2"] if seed == 3 else [])]
    kills = 0
    while kills < 5:
        process = start(reports, output, *options)
        time.sleep(rng.uniform(0.2, 2.0))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        if output.exists():  # it was done before the signal came: this one counts, and the next begins anew
            assert output.read_bytes() == whole[0]
            output.unlink()
    assert start(reports, output, *options).wait() == 3  # some rows could not be tagged
    assert output.read_bytes() == whole[0]
    assert (tmp_path / "out.csv.errors.jsonl").read_bytes() == whole[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.errors.jsonl"]


def interrupt_after(batches: int, reports: Path, output: Path) -> None:
    def stop(summary: object) -> None:
        nonlocal batches
        batches -= 1
        if batches == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tag_file(reports, output, progress=stop)


def test_resuming_does_not_tag_again_what_is_in_the_journal(
    reports: Path, whole: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    interrupt_after(7, reports, output)
    from treatytag import batch

    calls: list[int] = []
    real = batch.chunk_answers

    def counted(texts: list[str], model: Path | None, prefer: str) -> Any:
        calls.append(len(texts))
        return real(texts, model, prefer)

    monkeypatch.setattr(batch, "chunk_answers", counted)
    tag_file(reports, output, BatchOptions(resume=True))
    assert len(calls) == -(-N_ROWS // 2048) - 7
    assert output.read_bytes() == whole[0]


@pytest.mark.parametrize("content", [b"", b"not an array", None])
def test_a_damaged_journal_entry_is_made_again(
    content: bytes | None, reports: Path, whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    interrupt_after(4, reports, output)
    entry = tmp_path / "out.csv.journal" / "00000001.npy"
    entry.write_bytes(entry.read_bytes()[:500] if content is None else content)
    tag_file(reports, output, BatchOptions(resume=True))
    assert output.read_bytes() == whole[0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (BatchOptions(resume=True, prefer="recall"), "options"),
        (BatchOptions(resume=True, read=ReadOptions(encoding="cp1252")), "options"),
    ],
)
def test_resuming_with_another_option_is_refused(
    options: BatchOptions, named: str, reports: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    interrupt_after(2, reports, output)
    with pytest.raises(InputError, match=f"can't resume: {named} changed"):
        tag_file(reports, output, options)


def test_resuming_with_another_input_or_model_is_refused(reports: Path, small_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    interrupt_after(2, reports, output)
    with pytest.raises(InputError, match="can't resume: model changed"):
        tag_file(reports, output, BatchOptions(resume=True, model=small_model))
    changed = tmp_path / "reports.csv"
    changed.write_text(reports.read_text(encoding="utf-8") + "n,another row\n", encoding="utf-8")
    with pytest.raises(InputError, match="can't resume: input changed"):
        tag_file(changed, output, BatchOptions(resume=True))


def test_a_broken_journal_description_is_refused_in_one_sentence(reports: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    interrupt_after(2, reports, output)
    (tmp_path / "out.csv.journal" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="leave out --resume"):
        tag_file(reports, output, BatchOptions(resume=True))


def test_a_run_stopped_after_its_last_step_finishes(
    reports: Path, whole: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    with monkeypatch.context() as patch:
        patch.setattr("treatytag.journal.Journal.remove", lambda self: None)
        tag_file(reports, output)
    assert (tmp_path / "out.csv.journal").is_dir()
    with pytest.raises(InputError, match="exists already"):
        tag_file(reports, output)
    tag_file(reports, output, BatchOptions(resume=True))
    assert output.read_bytes() == whole[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.errors.jsonl"]
    with pytest.raises(InputError, match="exists already"):
        tag_file(reports, output, BatchOptions(resume=True))


def test_an_interrupted_run_is_not_thrown_away_silently(
    reports: Path, whole: tuple[bytes, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    interrupt_after(2, reports, output)
    with pytest.raises(InputError, match=r"--resume .* --overwrite"):
        tag_file(reports, output)
    assert (tmp_path / "out.csv.journal" / "00000001.npy").exists()
    tag_file(reports, output, BatchOptions(overwrite=True))
    assert output.read_bytes() == whole[0]


@pytest.mark.parametrize("options", [BatchOptions(), BatchOptions(resume=True), BatchOptions(overwrite=True)])
def test_a_folder_that_is_no_journal_is_left_alone(options: BatchOptions, reports: Path, tmp_path: Path) -> None:
    diary = tmp_path / "out.csv.journal" / "diary.txt"
    diary.parent.mkdir()
    diary.write_text("dear", encoding="utf-8")
    with pytest.raises(InputError, match="is no journal of treatytag"):
        tag_file(reports, tmp_path / "out.csv", options)
    assert diary.read_text(encoding="utf-8") == "dear"


def test_a_text_in_a_sub_folder_that_changes_is_noticed(tmp_path: Path) -> None:
    text = tmp_path / "in" / "sub" / "A.TXT"
    text.parent.mkdir(parents=True)
    text.write_text("My account was hacked.", encoding="utf-8")
    interrupt_after(1, tmp_path / "in", tmp_path / "out.csv")
    text.write_text("My account was hacked again.", encoding="utf-8")
    with pytest.raises(InputError, match="can't resume: input changed"):
        tag_file(tmp_path / "in", tmp_path / "out.csv", BatchOptions(resume=True))


def test_any_number_of_jobs_and_any_batch_size_give_the_same_bytes(
    reports: Path, whole: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_file(reports, tmp_path / "two.csv", BatchOptions(jobs=2))
    assert (tmp_path / "two.csv").read_bytes() == whole[0]
    for size in (1, 37, 5000):
        head = tmp_path / f"head{size}.csv"
        head.write_text("".join(reports.read_text(encoding="utf-8").splitlines(keepends=True)[:300]), encoding="utf-8")
        monkeypatch.setattr("treatytag.tagger.BATCH_TEXTS", size)
        tag_file(head, tmp_path / f"out{size}.csv")
        assert whole[0].startswith((tmp_path / f"out{size}.csv").read_bytes())


def test_the_summary_names_model_and_input(reports: Path, tmp_path: Path) -> None:
    summary = tag_file(reports, tmp_path / "out.csv").as_dict()
    assert json.dumps(summary)
    assert summary["rows"] == N_ROWS
    assert summary["errors"] == sum(n % 997 == 0 or n % 1499 == 3 for n in range(N_ROWS))
