"""Figures in `model/reports` -> the tables of the model card, between markers that name the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

CARD = "README.md"


def refresh_card(folder: Path) -> None:
    """Rewrite every `<!-- report: NAME -->` ... `<!-- end -->` part of the card from `reports/NAME.json`.

    A part whose report does not exist is left as it is; a folder without a card stays without one.
    """
    card = folder / CARD
    if not card.exists():
        return
    text = card.read_text(encoding="utf-8")
    for path in sorted((folder / "reports").glob("*.json")):
        part = re.compile(rf"(<!-- report: {re.escape(path.stem)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if part.search(text):
            table = _table(json.loads(path.read_text(encoding="utf-8")))
            text = part.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", text)  # type: ignore[misc]
    card.write_text(text, encoding="utf-8", newline="\n")


def _table(report: dict[str, Any]) -> str:
    calibration = report["calibration_by_article"]
    lines = [
        f"Model `{report['model_id']}`, {report['n_reports']} reports, {report['n_empty']} of them without an offence.",
        "",
        "| article | precision | recall | F1 | support | expected calibration error |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {s['article']} | {s['precision']:.3f} | {s['recall']:.3f} | {s['f1']:.3f} | {s['support']} "
        f"| {calibration[str(s['article'])]:.3f} |"
        for s in report["articles"]
    ]
    lines += [
        "",
        f"Micro F1 {report['micro_f1']:.3f}, macro F1 {report['macro_f1']:.3f}, "
        f"empty reports wrongly tagged {report['empty_tagged']:.3f}, "
        f"expected calibration error {report['calibration_error']:.3f}.",
        "",
        "| probability given | cells | mean probability | share that is gold |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {b['low']:.1f} to {b['high']:.1f} | {b['count']} | {b['probability']:.3f} | {b['gold']:.3f} |"
        for b in report["bins"]
        if b["count"]
    ]
    lines += ["", "| most doubtful share reviewed | errors found | micro F1 of the rest |", "| ---: | ---: | ---: |"]
    lines += [f"| {r['share']:.0%} | {r['errors_found']:.0%} | {r['f1']:.3f} |" for r in report["named_reviews"]]
    if told := report.get("faithfulness"):
        lines += [
            "",
            f"Evidence: of {told['tags']} tags, {told['without_evidence']:.1%} fall when the words shown for them are "
            f"deleted (on average {told['words']:.1f} words), {told['without_random']:.1%} when as many "
            "random words are.",
        ]
    return "\n".join(lines)
