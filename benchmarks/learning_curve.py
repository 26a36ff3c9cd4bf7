"""Would more examples help? The shipped recipe learned from growing parts of the corpus, as a table and a plot.

    pip install matplotlib
    python benchmarks/learning_curve.py LABELLED.jsonl [--output model/reports/learning_curve.svg]

Parts are drawn by scenario with a fixed seed, each within the next.
"""

import random
from pathlib import Path

import click
from ablation import measure, variants
from texts import ROOT

from treatytag.corpus import read_corpus
from treatytag.labelled import read_labelled_reports

SHARES = (0.25, 0.5, 0.75, 1.0)


@click.command()
@click.argument("labelled", type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=click.Path(path_type=Path), default=ROOT / "model" / "reports" / "learning_curve.svg")
@click.option("--jobs", default=2, show_default=True)
def main(labelled: Path, output: Path, jobs: int) -> None:
    """Print the table and write the plot."""
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "treatytag"  # ids alike in every run
    examples, reports = read_corpus(ROOT / "training_data"), read_labelled_reports(labelled)
    scenarios = sorted({e.scenario for e in examples})
    random.Random(1).shuffle(scenarios)
    rank = {scenario: i / len(scenarios) for i, scenario in enumerate(scenarios)}
    *_, shipped = variants().values()
    rows = []
    print("| examples | out of fold, micro / macro F1 | labelled reports, micro / macro F1 | empties tagged |")
    print("| ---: | ---: | ---: | ---: |")
    for share in SHARES:
        part = [e for e in examples if rank[e.scenario] < share]
        inside, new = measure(shipped, part, reports, False, jobs)
        rows.append((len(part), inside.micro_f1.value, new.micro_f1.value, new.macro_f1.value))
        print(
            f"| {len(part):,} | {inside.micro_f1} / {inside.macro_f1} | {new.micro_f1} / {new.macro_f1} "
            f"| {new.empty_tagged} |",
            flush=True,
        )
    counts, *lines = zip(*rows, strict=True)
    figure, axes = pyplot.subplots(figsize=(6, 4))
    names = ("micro F1, out of fold", f"micro F1, {labelled.stem}", f"macro F1, {labelled.stem}")
    for name, values, style in zip(names, lines, ("-o", "--s", ":^"), strict=True):
        axes.plot(counts, values, style, label=name)
    axes.set(xlabel="examples", ylabel="F1", ylim=(0.4, 1.0))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(output, metadata={"Date": None})


if __name__ == "__main__":
    main()
