"""Tag a file of incident reports: `python classify.py reports.csv -o tagged.csv` (see `--help`)."""

import sys

from treatytag.cli import main

if __name__ == "__main__":
    main(["classify", *sys.argv[1:]])
