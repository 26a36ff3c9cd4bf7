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
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


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


def test_resuming_a_folder_leaves_finished_parts_alone(parts: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    done = tmp_path / "part-000.parquet"
    done.write_bytes(b"finished before")
    with pytest.raises(InputError, match="exists already"):
        tag_folder(parts, tmp_path, BatchOptions())
    summary = tag_folder(parts, tmp_path, BatchOptions(resume=True))
    assert summary.rows == (N_PARTS - 1) * N_ROWS
    assert done.read_bytes() == b"finished before"
    assert (tmp_path / "part-001.parquet").read_bytes() == expected["part-001.parquet"]


def test_what_cannot_be_used_is_refused(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.parquet file"):
        tag_folder(tmp_path, tmp_path / "out", BatchOptions())
    with pytest.raises(InputError, match="same folder"):
        tag_folder(parts, parts, BatchOptions())
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        tag_folder(parts, tmp_path / "out", BatchOptions(), cluster="dask://127.0.0.1:1")
