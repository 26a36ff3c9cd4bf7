"""Model folder <-> `Model`: arrays and JSON only, every byte checked before use, nothing ever unpickled."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treatytag.decision import Thresholds
from treatytag.errors import CorpusError, ModelError
from treatytag.offences import LABELS, PARAGRAPHS
from treatytag.rulings import all_rulings

if TYPE_CHECKING:
    from treatytag.features import Branch, Floats
    from treatytag.lexicon import Lexicon

FORMAT = "treatytag-model"
FORMAT_VERSION = 3
WEIGHTS_FILE = "weights.npz"
LEXICON_FILE = "lexicon.json"
DESCRIPTION_FILE = "model.json"

# Ten times what the shipped model needs: a file beyond is not one of ours, and is not read into memory.
_MAX_FILE_BYTES = 100_000_000
_MAX_ARRAY_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Model:
    """A trained tagger's data.

    Attributes:
        branches: n-grams with idf and weights, one for each of `features.KINDS`.
        lexicon: word -> concept.
        intercepts: shape (n_labels,); calibration is folded into weights and intercepts.
        thresholds: preference (`balanced`, `recall`, `precision`) -> its thresholds.
        review_limit: doubt (expected number of wrong labels) above which a report needs review.
        paragraphs: the n-grams of words again, weighted for the taxonomy's paragraphs in order.
        paragraph_limits: score at or above which a paragraph is told, one each.
        profiles: the n-grams of concepts again, weighted for the rulings in order.
        familiarity_limit: share of known words below which a text is unlike the corpus.
        folder: where the model was loaded from.
        model_id: see `model_id_of`.
        description: the whole of `model.json`.
    """

    branches: tuple[Branch, ...]
    lexicon: Lexicon
    intercepts: Floats
    thresholds: dict[str, Thresholds]
    review_limit: float
    paragraphs: Branch
    paragraph_limits: tuple[float, ...]
    profiles: Branch
    familiarity_limit: float
    folder: Path
    model_id: str
    description: dict[str, Any]


def default_model_dir() -> Path:
    """Return the shipped model: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "model"
    return inside if inside.is_dir() else package.parent / "model"


def model_id_of(description: bytes) -> str:
    """Return the first 12 hex digits of the sha256 of `model.json`, which holds thresholds and all hashes."""
    return hashlib.sha256(description).hexdigest()[:12]


def load_model(folder: Path) -> Model:
    """Load and check a model folder.

    Raises:
        ModelError: anything missing, damaged, foreign, of another version, not finite or contradicting itself.
    """
    content = _read_file(folder, DESCRIPTION_FILE)
    description = _description(folder, content)
    arrays = _read_weights(folder, description)
    from treatytag.features import KINDS, Branch
    from treatytag.lexicon import Lexicon

    try:
        lexicon = Lexicon.parse(_read_checked(folder, LEXICON_FILE, description).decode("utf-8"))
        branches = tuple(
            Branch(
                tuple(arrays[f"{name}_ngrams"].tobytes().decode("utf-8").split("\n")),
                arrays[f"{name}_idf"],
                arrays[f"{name}_weights"],
            )
            for name in KINDS
        )
        paragraphs = Branch(branches[0].ngrams, branches[0].idf, arrays["paragraph_weights"])
        concepts = branches[KINDS.index("concepts")]
        profiles = Branch(concepts.ngrams, concepts.idf, arrays["ruling_profiles"])
        paragraph_limits = tuple(map(_number, description["paragraph_limits"].values()))
        thresholds = {
            name: Thresholds(tuple(map(_number, chosen["labels"])), _number(chosen["first"]))
            for name, chosen in description["thresholds"].items()
        }
        review_limit, familiarity_limit = (_number(description[key]) for key in ("review_limit", "familiarity_limit"))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, CorpusError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error
    columns = [len(LABELS)] * len(branches) + [len(PARAGRAPHS), len(all_rulings())]
    for branch, n_columns in zip((*branches, paragraphs, profiles), columns, strict=True):
        n_ngrams = len(branch.ngrams)
        if branch.idf.shape != (n_ngrams,) or branch.weights.shape != (n_ngrams, n_columns):
            raise _damaged(folder, "array shapes do not fit each other")
    if any(len(set(branch.ngrams)) < len(branch.ngrams) for branch in branches):
        raise _damaged(folder, "n-grams that stand there twice")
    members = {member for ngram in concepts.ngrams for member in ngram.split(" ")}
    if not members <= lexicon.concepts.keys():
        raise _damaged(folder, "concepts other than the lexicon's")
    if not all(_is_pair(ngram.split(" "), members) for ngram in branches[KINDS.index("pairs")].ngrams):
        raise _damaged(folder, "pairs of other concepts than the lexicon's")
    if arrays["intercepts"].shape != (len(LABELS),):
        raise _damaged(folder, "intercepts of the wrong shape")
    if list(description["paragraph_limits"]) != list(PARAGRAPHS):
        raise _damaged(folder, "limits of other paragraphs than the Convention's")
    if "balanced" not in thresholds or any(len(t.labels) != len(LABELS) for t in thresholds.values()):
        raise _damaged(folder, "thresholds that do not fit the labels")
    if not all(0.0 <= value <= 1.0 for t in thresholds.values() for value in (*t.labels, t.first)):
        raise _damaged(folder, "thresholds outside [0, 1]")
    return Model(
        branches,
        lexicon,
        arrays["intercepts"],
        thresholds,
        review_limit,
        paragraphs,
        paragraph_limits,
        profiles,
        familiarity_limit,
        folder,
        model_id=model_id_of(content),
        description=description,
    )


def _number(value: object) -> float:
    """Return a number from JSON, which knows true, "0.5" and NaN as well."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:20]!r} is no finite number")
    return float(value)


def _is_pair(parts: list[str], concepts: set[str]) -> bool:
    return len(parts) == 2 and concepts.issuperset(parts) and parts[0] <= parts[1]


def _damaged(folder: Path, what: str) -> ModelError:
    return ModelError(f"the model in {folder} is damaged or not treatytag's ({what}); install it again or retrain it.")


def _read_file(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise _damaged(folder, f"{name} is larger than {_MAX_FILE_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"no model in {folder} ({name}: {error.strerror}); give a folder written by train.py."
        ) from error


def _description(folder: Path, content: bytes) -> dict[str, Any]:
    try:
        description = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, f"{DESCRIPTION_FILE} is not JSON") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise _damaged(folder, f"{DESCRIPTION_FILE} names another format")
    if description.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"the model in {folder} has format version {description.get('format_version')}, this treatytag reads "
            f"{FORMAT_VERSION}; install the version that wrote it or retrain."
        )
    if description.get("labels") != list(LABELS):
        raise _damaged(folder, "labels other than the Convention's")
    return description


def _read_checked(folder: Path, name: str, description: dict[str, Any]) -> bytes:
    content = _read_file(folder, name)
    try:
        wanted = description["files"][name]["sha256"]
    except (KeyError, TypeError) as error:
        raise _damaged(folder, f"{DESCRIPTION_FILE} gives no sha256 of {name}") from error
    if hashlib.sha256(content).hexdigest() != wanted:
        raise _damaged(folder, f"{name} differs from its sha256")
    return content


def _read_weights(folder: Path, description: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    weights = _read_checked(folder, WEIGHTS_FILE, description)
    try:
        with zipfile.ZipFile(io.BytesIO(weights)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_ARRAY_BYTES:
                raise _damaged(folder, f"{WEIGHTS_FILE} unpacks to more than {_MAX_ARRAY_BYTES:,} bytes")
        with np.load(io.BytesIO(weights), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _array_kinds()}
    except ModelError:
        raise
    except Exception as error:  # archive, compression and array header have errors of their own each
        raise _damaged(folder, f"{WEIGHTS_FILE}: {' '.join(str(error).split())}") from error
    for name, kind in _array_kinds().items():
        array = arrays[name]  # bytes, where the archive holds something else by that name
        if not isinstance(array, np.ndarray) or (array.dtype.kind, array.ndim) != kind:
            raise _damaged(folder, f"{name} is not the kind of array that belongs there")
        if array.dtype.kind == "f":
            arrays[name] = array.astype("float64")
            if not np.isfinite(arrays[name]).all():
                raise _damaged(folder, f"{name} has values that are not finite")
    return arrays


def _array_kinds() -> dict[str, tuple[str, int]]:
    """Return the arrays of `WEIGHTS_FILE`: kind of number (`f` float, `u` bytes of text) and dimensions."""
    from treatytag.features import KINDS

    kinds = {"intercepts": ("f", 1), "paragraph_weights": ("f", 2), "ruling_profiles": ("f", 2)}
    for name in KINDS:
        kinds |= {f"{name}_ngrams": ("u", 1), f"{name}_idf": ("f", 1), f"{name}_weights": ("f", 2)}
    return kinds
