"""Reliability diagram and review curve of the model card, drawn from the figures in `model/reports`.

Needs `pip install matplotlib`; then `python benchmarks/plots.py`.
"""

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

REPORTS = Path(__file__).parent.parent / "model" / "reports"
SETS = {"cross_validation": ("out of fold", "-o"), "real_dev": ("real_dev", "--s")}


def main() -> None:
    """Write `calibration.svg`."""
    mpl.rcParams["svg.hashsalt"] = "treatytag"  # ids alike in every run
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4))
    left.plot((0, 1), (0, 1), ":", color="grey")
    for name, (label, style) in SETS.items():
        report = json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))
        bins = [b for b in report["bins"] if b["count"]]
        left.plot([b["probability"] for b in bins], [b["gold"] for b in bins], style, label=label)
        review = [point for point in report["review"] if point["f1"] is not None]
        right.plot([point["share"] for point in review], [point["f1"] for point in review], style, label=label)
    left.set(xlabel="mean probability given", ylabel="share that is gold", title="Reliability")
    right.set(xlabel="share of reports reviewed, most doubtful first", ylabel="micro F1 of the rest", title="Review")
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(REPORTS / "calibration.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
