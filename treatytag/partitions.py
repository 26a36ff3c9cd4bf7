"""A folder of Parquet parts -> a folder of tagged parts, one after the other or spread over a Dask cluster.

Each part is a batch of its own (`batch.tag_file`), read and written where it is worked on, so nothing but file names
and counts travels. A worker that dies costs its part: the scheduler gives it to another, who resumes from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from treatytag.batch import BatchOptions, Summary, tag_file
from treatytag.errors import InputError
from treatytag.readers import needed


def parts_of(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder in name order; [] where there are none."""
    return sorted(folder.glob("*.parquet"))


def tag_part(part: Path, output: Path, options: BatchOptions) -> Summary:
    """Tag one part: the piece of work that a cluster's worker gets."""
    return tag_file(part, output / part.name, options)


def tag_folder(
    source: Path,
    output: Path,
    options: BatchOptions,
    *,
    cluster: str | None = None,
    progress: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Tag every part of a folder; the output folder has the same file names.

    Args:
        source: a folder of `.parquet` files; with a cluster, a path that its workers see too.
        output: a folder, created if missing; with `options.resume`, parts already in it are left as they are.
        options: see `BatchOptions`.
        cluster: `dask://HOST:PORT` of a Dask scheduler; None works here, part by part.
        progress: called after every part with the counts so far.

    Returns:
        The counts of all parts together.

    Raises:
        InputError: folder, output or cluster can't be used, or a part can't be read.
        ModelError: the model can't be used.
    """
    parts = parts_of(source)
    if not parts:
        raise InputError(f"{source} holds no .parquet file; give a folder of them.")
    if output.resolve() == source.resolve():
        raise InputError("input and output are the same folder; give another output.")
    there = [part for part in parts if (output / part.name).exists()]
    if there and not (options.resume or options.overwrite):
        raise InputError(f"{output / there[0].name} exists already; give another folder, --resume or --overwrite.")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output} can't be created ({error.strerror}); choose another folder.") from error
    if options.resume:
        parts = [part for part in parts if part not in there]
    work = partial(tag_part, output=output.resolve(), options=options)
    total = Summary(output=str(output))
    started = monotonic()
    for done, summary in enumerate(_local(work, parts) if cluster is None else _on_dask(work, parts, cluster), 1):
        total.add(summary)
        total.seconds = monotonic() - started
        total.fraction = done / len(parts)
        progress(total)
    return total


def _local(work: Callable[[Path], Summary], parts: list[Path]) -> Iterator[Summary]:
    return map(work, parts)


def _on_dask(work: partial[Summary], parts: list[Path], cluster: str) -> Iterator[Summary]:
    distributed = needed("distributed", "dask")
    address = cluster.removeprefix("dask://")
    try:
        client = distributed.Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {cluster} ({error}); check the address.") from error
    # A part begun by a worker that died is taken up from its journal, or done again if only its report was lost.
    options = replace(work.keywords["options"], resume=True, overwrite=True)
    resumable = partial(work.func, **work.keywords | {"options": options})
    with client:
        futures = client.map(resumable, [part.resolve() for part in parts], pure=False)
        for future in distributed.as_completed(futures):
            yield future.result()
