"""Figures in `model/reports` -> the tables of the model card, between markers that name the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from treatytag.errors import InputError

CARD = "README.md"
REPORTS = "reports"


def refresh_card(folder: Path, report: Path | None = None) -> None:
    """Rewrite each `<!-- report: NAME -->` ... `<!-- end -->` part of the card, or one, from `reports/NAME.json`.

    A part whose report does not exist is left as it is; a folder without a card stays without one.

    Raises:
        InputError: the card can't be read or written, or a report of it is none.
    """
    card = folder / CARD
    if not card.exists():
        return
    try:
        text = old = card.read_text(encoding="utf-8")
        for path in [report] if report else sorted((folder / REPORTS).glob("*.json")):
            part = re.compile(rf"(<!-- report: {re.escape(path.stem)} -->\n).*?(<!-- end -->)", re.DOTALL)
            if part.search(text):
                table = _table_of(path)
                text = part.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", text)  # type: ignore[misc]
        if text != old:
            card.write_text(text, encoding="utf-8", newline="\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the model card {card} can't be refreshed ({error}); check its permissions, or save elsewhere."
        ) from error


def _table_of(path: Path) -> str:
    try:
        return _table(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no figures for the model card; remove it, or measure again.") from error


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"Model `{report['model_id']}`, {report['n_reports']} reports, {report['n_empty']} of them without an offence.",
        "",
        "| article | precision | recall | F1 | support | expected calibration error |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {s['article']} | {_shown(s['precision'], '.3f')} | {_shown(s['recall'], '.3f')} "
        f"| {_shown(s['f1'], '.3f')} | {s['support']} | {s['calibration_error']:.3f} |"
        for s in report["articles"]
    ]
    lines += [
        "",
        f"Micro F1 {_shown(report['micro_f1'], '.3f')}, macro F1 {_shown(report['macro_f1'], '.3f')}, "
        f"empty reports wrongly tagged {_shown(report['empty_tagged'], '.3f')}, "
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
    lines += [
        f"| {r['share']:.0%} | {_shown(r['errors_found'], '.0%')} | {_shown(r['f1'], '.3f')} |"
        for r in report["named_reviews"]
    ]
    if (told := report.get("faithfulness")) and told["tags"]:
        lines += [
            "",
            f"Evidence: of {told['tags']} tags, {told['without_evidence']:.1%} fall when the words shown for them are "
            f"deleted (on average {told['words']:.1f} words), {told['without_random']:.1%} when as many "
            "random words are.",
        ]
    return "\n".join(lines)


def _shown(figure: float | None, form: str) -> str:
    return "none" if figure is None else format(figure, form)
