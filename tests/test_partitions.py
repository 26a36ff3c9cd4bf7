"""A folder of Parquet parts gives the same files here and on a cluster, also when a worker dies."""

import os
import signal
import threading
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from distributed import Client, LocalCluster

from treatytag import InputError
from treatytag.batch import BatchOptions
from treatytag.partitions import tag_folder

N_PARTS, N_ROWS = 8, 3000


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    for part in range(N_PARTS):
        texts = [f"account {part}-{i} was hacked and {i * 7} euros were transferred " * 4 for i in range(N_ROWS)]
        table = pyarrow.table({"id": list(range(N_ROWS)), "text": texts})
        pyarrow.parquet.write_table(table, folder / f"part-{part:03}.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("expected") / "out"
    summary = tag_folder(parts, output, BatchOptions())
    assert (summary.rows, summary.errors) == (N_PARTS * N_ROWS, 0)
    return contents(output)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}


def test_parts_keep_their_names_and_rows(parts: Path, expected: dict[str, bytes]) -> None:
    assert list(expected) == [path.name for path in sorted(parts.iterdir())]


def test_a_cluster_that_loses_a_worker_half_way_gives_the_same_files(
    parts: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            victim = next(iter(client.run(os.getpid).values()))

        def kill_when_half_done() -> None:
            while len(list((tmp_path / "out").glob("*.parquet"))) < N_PARTS // 2:
                time.sleep(0.02)
            os.kill(victim, signal.SIGKILL)

        threading.Thread(target=kill_when_half_done, daemon=True).start()
        summary = tag_folder(parts, tmp_path / "out", BatchOptions(), cluster=f"dask://{cluster.scheduler_address}")
    assert (summary.rows, summary.errors) == (N_PARTS * N_ROWS, 0)
    assert contents(tmp_path / "out") == expected


def test_resuming_a_folder_leaves_finished_parts_alone_and_counts_them(
    parts: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    whole = tag_folder(parts, output, BatchOptions())
    with pytest.raises(InputError, match="exists already"):
        tag_folder(parts, output, BatchOptions())
    (output / "part-001.parquet").unlink()
    before = (output / "part-000.parquet").stat().st_mtime_ns
    summary = tag_folder(parts, output, BatchOptions(resume=True))
    assert (output / "part-000.parquet").stat().st_mtime_ns == before
    assert contents(output) == expected
    for resumed in (summary, tag_folder(parts, output, BatchOptions(resume=True))):
        counted = ("rows", "tagged", "empty", "needs_review", "errors", "articles", "model_id")
        assert [getattr(resumed, name) for name in counted] == [getattr(whole, name) for name in counted]


def test_resuming_a_folder_never_mixes_outputs(parts: Path, small_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    text = pyarrow.table({"text": ["My account was hacked."]})
    for name in ("a.parquet", "b.parquet"):
        pyarrow.parquet.write_table(text, source / name)
    tag_folder(source, output, BatchOptions())
    (output / "b.parquet").unlink()
    for options, changed in (
        (BatchOptions(resume=True, prefer="recall"), "options"),
        (BatchOptions(resume=True, model=small_model), "model"),
    ):
        with pytest.raises(InputError, match=f"can't resume: {changed} changed"):
            tag_folder(source, output, options)
    pyarrow.parquet.write_table(text, source / "c.parquet")
    with pytest.raises(InputError, match="can't resume: input changed"):
        tag_folder(source, output, BatchOptions(resume=True))
    (source / "c.parquet").unlink()
    (output / "a.parquet").write_bytes(b"no part")
    with pytest.raises(InputError, match="remove it and run again"):
        tag_folder(source, output, BatchOptions(resume=True))
    (output / "run.json").unlink()
    with pytest.raises(InputError, match=r"run\.json is missing"):
        tag_folder(source, output, BatchOptions(resume=True))
    (output / "run.json").write_text('{"mine": 1}', encoding="utf-8")
    with pytest.raises(InputError, match=r"no description of treatytag's"):
        tag_folder(source, output, BatchOptions(overwrite=True))


def test_what_cannot_be_used_is_refused(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.parquet file"):
        tag_folder(tmp_path, tmp_path / "out", BatchOptions())
    with pytest.raises(InputError, match="same folder"):
        tag_folder(parts, parts, BatchOptions())
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        tag_folder(parts, tmp_path / "out", BatchOptions(), cluster="dask://127.0.0.1:1")
