"""Run the command line: `python -m treatytag`."""

from treatytag.cli import main

if __name__ == "__main__":
    main()
