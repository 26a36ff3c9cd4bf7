"""The treaty's taxonomy: the eleven offence articles of the United Nations Convention against Cybercrime.

Source: General Assembly resolution 79/243, annex, articles 7-17. Titles and paragraph numbers are the
treaty's; the elements are summaries in this project's own words and no substitute for the text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paragraph:
    """A part of an article that a report may be pinned to.

    Attributes:
        number: as printed, with the article: `"11(1)(a)(i)"`.
        elements: one sentence in own words.
    """

    number: str
    elements: str


@dataclass(frozen=True)
class Offence:
    """One offence article.

    Attributes:
        label: stable string id, used in files and code.
        article: number in the Convention, 7-17.
        title: official English title.
        elements: one sentence in own words.
        paragraphs: the alternatives a tag may name, in treaty order; () where the article has only one.
    """

    label: str
    article: int
    title: str
    elements: str
    paragraphs: tuple[Paragraph, ...] = ()


OFFENCES: tuple[Offence, ...] = (
    Offence(
        "illegal_access",
        7,
        "Illegal access",
        "Intentionally getting into the whole or a part of an information and communications technology "
        "system without right.",
    ),
    Offence(
        "illegal_interception",
        8,
        "Illegal interception",
        "Intentionally capturing, by technical means and without right, electronic data on its non-public "
        "way to, from or within a system.",
    ),
    Offence(
        "data_interference",
        9,
        "Interference with electronic data",
        "Intentionally damaging, deleting, deteriorating, altering or suppressing electronic data without right.",
    ),
    Offence(
        "system_interference",
        10,
        "Interference with an information and communications technology system",
        "Intentionally and without right hindering a system seriously in its functioning by entering, "
        "sending, damaging, deleting, altering or suppressing data.",
    ),
    Offence(
        "misuse_of_devices",
        11,
        "Misuse of devices",
        "Intentionally and without right obtaining, making, selling, spreading or holding tools or access "
        "data meant for the offences of articles 7 to 10.",
        (
            Paragraph("11(1)(a)(i)", "Obtaining, making, selling or spreading a tool made for such offences."),
            Paragraph("11(1)(a)(ii)", "Obtaining, selling or spreading a password or similar access data."),
            Paragraph("11(1)(b)", "Holding such a tool or such data with that intent."),
        ),
    ),
    Offence(
        "ict_forgery",
        12,
        "Information and communications technology system-related forgery",
        "Intentionally and without right entering, altering, deleting or suppressing data so that inauthentic "
        "data result that are meant to be relied on as authentic for legal purposes.",
    ),
    Offence(
        "ict_theft_or_fraud",
        13,
        "Information and communications technology system-related theft or fraud",
        "Intentionally and without right causing another a loss of property, for dishonest gain, through "
        "data, through a system or through deception over one.",
        (
            Paragraph("13(a)", "By entering, altering, deleting or suppressing data."),
            Paragraph("13(b)", "By interfering with the functioning of a system."),
            Paragraph("13(c)", "By deceiving a person over a system into doing or leaving something."),
        ),
    ),
    Offence(
        "child_sexual_abuse_material",
        14,
        "Offences related to online child sexual abuse or child sexual exploitation material",
        "Intentionally and without right making, spreading, procuring, viewing, holding or financing such "
        "material of persons under eighteen with the help of a system.",
        (
            Paragraph("14(1)(a)", "Producing, offering, selling, distributing or otherwise making available."),
            Paragraph("14(1)(b)", "Soliciting, procuring or accessing."),
            Paragraph("14(1)(c)", "Possessing or controlling."),
            Paragraph("14(1)(d)", "Financing any of these."),
        ),
    ),
    Offence(
        "child_solicitation_or_grooming",
        15,
        "Solicitation or grooming for the purpose of committing a sexual offence against a child",
        "Intentionally communicating, soliciting, grooming or arranging over a system in order to commit a "
        "sexual offence against a child.",
    ),
    Offence(
        "non_consensual_intimate_images",
        16,
        "Non-consensual dissemination of intimate images",
        "Intentionally and without right making an adult's intimate image available over a system without "
        "that person's consent.",
    ),
    Offence(
        "laundering_of_proceeds",
        17,
        "Laundering of proceeds of crime",
        "Intentionally converting, transferring, disguising, acquiring or holding property known to be "
        "proceeds of an offence of articles 7 to 16.",
        (
            Paragraph("17(1)(a)(i)", "Converting or transferring it to disguise its origin or help an offender."),
            Paragraph("17(1)(a)(ii)", "Concealing or disguising its nature, source, movement or ownership."),
            Paragraph("17(1)(b)(i)", "Acquiring, possessing or using it, knowing on receipt what it is."),
        ),
    ),
)

LABELS: tuple[str, ...] = tuple(offence.label for offence in OFFENCES)
ARTICLES: tuple[int, ...] = tuple(offence.article for offence in OFFENCES)
BY_LABEL: dict[str, Offence] = {offence.label: offence for offence in OFFENCES}
BY_ARTICLE: dict[int, Offence] = {offence.article: offence for offence in OFFENCES}


def short_title(label: str) -> str:
    """Return a label as a short title for tables: `ict_forgery` -> "ICT forgery"."""
    words = label.replace("ict_", "ICT_").replace("non_c", "non-c").replace("_", " ")
    return words[0].upper() + words[1:]


# About children and intimate images: their reports' texts are shown to nobody who has not asked for them.
SENSITIVE_LABELS: frozenset[str] = frozenset(BY_ARTICLE[article].label for article in (14, 15, 16))
# From this probability of such a label on, tagged or not.
SENSITIVE_FROM = 0.1

# What must stand beside every answer.
NOTICE = "A tag says that the text alleges such conduct; it is no finding of guilt and no legal advice."

# Every paragraph a tag may name -> the label of its article, in treaty order.
PARAGRAPHS: dict[str, str] = {p.number: offence.label for offence in OFFENCES for p in offence.paragraphs}
