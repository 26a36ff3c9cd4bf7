"""Tag incident reports with the offence articles of the United Nations Convention against Cybercrime."""

from treatytag.errors import CorpusError, InputError, ModelError, TreatytagError
from treatytag.offences import LABELS, OFFENCES, Offence
from treatytag.tagger import Prediction, Tagger, classify, classify_many

__all__ = [
    "LABELS",
    "OFFENCES",
    "CorpusError",
    "InputError",
    "ModelError",
    "Offence",
    "Prediction",
    "Tagger",
    "TreatytagError",
    "classify",
    "classify_many",
]

__version__ = "0.1.0"
