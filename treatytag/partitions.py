"""A folder of Parquet parts -> a folder of tagged parts, one after the other or spread over a Dask cluster.

Each part is a batch of its own (`batch.tag_file`), read and written where it is worked on, so nothing but file names
and counts travels. A worker that dies costs its part: the scheduler gives it to another, who resumes from the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from treatytag.batch import BatchOptions, Summary, run_of, tag_file
from treatytag.errors import InputError
from treatytag.journal import changes, write_whole
from treatytag.readers import needed
from treatytag.tagger import shared_tagger


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
        output: a folder, created if missing; with `options.resume`, parts already in it are left as they are. Its
            `run.json` tells what made them.
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
    try:
        there = [part for part in parts if (output / part.name).exists()]
        if there and not (options.resume or options.overwrite):
            raise InputError(f"{output / there[0].name} exists already; give another folder, --resume or --overwrite.")
        output.mkdir(parents=True, exist_ok=True)
        _describe(output / "run.json", parts, bool(there), options)
    except OSError as error:
        raise InputError(f"{output} can't be written ({error.strerror}); choose another folder.") from error
    total = Summary(output=str(output))
    total.model_id = shared_tagger(options.model, options.prefer).model.model_id
    if options.resume:
        for part in there:
            finished = _counts(output / part.name, options.prefix)
            total.add(replace(finished, model_id=total.model_id))
        parts = [part for part in parts if part not in there]
    work = partial(tag_part, output=output.resolve(), options=options)
    started = monotonic()
    for done, summary in enumerate(_local(work, parts) if cluster is None else _on_dask(work, parts, cluster), 1):
        total.add(summary)
        total.seconds = monotonic() - started
        total.fraction = done / len(parts)
        progress(total)
    return total


def _describe(description: Path, parts: list[Path], has_output: bool, options: BatchOptions) -> None:
    """Write down what makes the outputs what they are or, to resume, check that it is still so.

    Raises:
        InputError: another model, other options or other parts made what is there.
    """
    run = run_of([[part.name, part.stat().st_size] for part in parts], options)
    if description.exists() and (changed := changes(description, run)):
        if set(run) <= set(changed):
            raise InputError(f"{description} is no description of treatytag's; choose another folder for the output.")
        if options.resume:
            raise InputError(
                f"can't resume: {', '.join(changed)} changed since {description.parent} was begun; "
                "give --overwrite instead, or another folder."
            )
    elif options.resume and has_output and not description.exists():
        raise InputError(
            f"can't resume: {description} is missing, so nothing tells how the parts there were made; "
            "give --overwrite instead, or another folder."
        )
    write_whole(description, json.dumps(run).encode("utf-8"))


def _counts(tagged: Path, prefix: str) -> Summary:
    """Count what a finished part holds.

    Raises:
        InputError: it is no part that treatytag wrote.
    """
    parquet = needed("pyarrow.parquet", "parquet")
    summary = Summary()
    names = [prefix + name for name in ("articles", "needs_review")]
    try:
        with parquet.ParquetFile(tagged) as file:
            for batch in file.iter_batches(columns=names):
                for articles, needs_review in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
                    summary.rows += 1
                    summary.errors += articles is None
                    summary.tagged += bool(articles)
                    summary.empty += articles == ""
                    summary.needs_review += bool(needs_review)
                    summary.articles.update(map(int, articles.split(";")) if articles else ())
    except (ValueError, KeyError, OSError) as error:
        raise InputError(f"can't resume: {tagged} can't be read ({error}); remove it and run again.") from error
    return summary


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
