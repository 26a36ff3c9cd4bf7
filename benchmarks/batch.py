"""Does a batch stay flat in time and bounded in memory? Tags CSV files of growing length in processes of their own.

python benchmarks/batch.py [--rows 2500000] [--folder DIR]

The default is a file of 2 GB. What is printed as a thousand rows' time is wall time, start and end included.
"""

import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from texts import reports


def write_csv(path: Path, rows: int) -> None:
    """Write a file of reports."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "description"])
        writer.writerows(islice(enumerate(reports(rows)), rows))


def measure(source: Path, *options: str) -> tuple[dict[str, float], int]:
    """Tag a file; return its summary and the peak memory in MB of the largest process."""
    summary, output = source.with_suffix(".json"), source.with_name("out.csv")
    command = [sys.executable, "-m", "treatytag", "classify", str(source), "-o", str(output), "--overwrite"]
    done = subprocess.run(
        ["/usr/bin/time", "-v", *command, "--summary", str(summary), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)
    assert match is not None
    return json.loads(summary.read_text(encoding="utf-8")), int(match[1]) // 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_500_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print("| rows | MB | jobs | rows a second | ms a thousand rows | peak MB of a process |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for rows, jobs in (
            (10_000, 1),
            (100_000, 1),
            (100_000, 2),
            (1_000_000, 1),
            (1_000_000, 2),
            (arguments.rows, 2),
        ):
            source = Path(folder, f"reports-{rows}.csv")
            if not source.exists():
                write_csv(source, rows)
            summary, memory = measure(source, "--jobs", str(jobs))
            size = source.stat().st_size // 1_000_000
            rate = summary["rows_per_second"]
            print(f"| {rows:,} | {size:,} | {jobs} | {rate:,.0f} | {1e6 / rate:,.0f} | {memory:,} |", flush=True)


if __name__ == "__main__":
    main()
