"""Every exception treatytag raises on purpose: one sentence each, saying what to do next."""


class TreatytagError(Exception):
    """Base of all treatytag errors; the command line prints it as one sentence and exits with 1."""


class CorpusError(TreatytagError):
    """A labelled corpus can't be read or breaks its schema."""


class ModelError(TreatytagError):
    """A model folder is missing, damaged, foreign, or of another format version."""


class InputError(TreatytagError):
    """A file of reports can't be read or written, or an option doesn't fit it."""
