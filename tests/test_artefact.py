"""A sound model folder loads; anything else gives one clear ModelError."""

import hashlib
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Trained

from treatytag import LABELS, ModelError, Tagger, artefact
from treatytag.artefact import default_model_dir, load_model
from treatytag.corpus import read_corpus
from treatytag.packing import export_pipeline


@pytest.fixture
def folder(small_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_model, tmp_path / "model"))


def describe(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    change(description)
    path.write_text(json.dumps(description), encoding="utf-8")


def reweigh(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change arrays and give the file its right sha256, as a forger would."""
    with np.load(folder / "weights.npz") as stored:
        arrays = dict(stored)
    change(arrays)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    replace_weights(folder, buffer.getvalue())


def replace_weights(folder: Path, content: bytes) -> None:
    (folder / "weights.npz").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    describe(folder, lambda d: d["files"]["weights.npz"].update(sha256=sha256))


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("words_idf.npy", b"\0" * 2_000_000)
    return buffer.getvalue()


def damage_stream(folder: Path) -> None:
    """Overwrite compressed data in the middle of the archive, whose directory stays sound."""
    content = bytearray((folder / "weights.npz").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = b"\xff" * 200
    replace_weights(folder, bytes(content))


def huge_header() -> bytes:
    """Return an archive of one array that says it is larger than any memory."""
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 60,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return zipped("intercepts.npy", buffer.getvalue())


def rewrite_ngrams(name: str, change: Callable[[list[str]], object]) -> Callable[[Path], None]:
    def rewrite(arrays: dict[str, Any]) -> None:
        ngrams = arrays[f"{name}_ngrams"].tobytes().decode("utf-8").split("\n")
        change(ngrams)
        arrays[f"{name}_ngrams"] = np.frombuffer("\n".join(ngrams).encode("utf-8"), dtype=np.uint8)

    return lambda folder: reweigh(folder, rewrite)


def replace_lexicon(folder: Path, content: bytes) -> None:
    (folder / "lexicon.json").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    describe(folder, lambda d: d["files"]["lexicon.json"].update(sha256=sha256))


def set_threshold(value: object) -> Callable[[Path], None]:
    return lambda folder: describe(folder, lambda d: d["thresholds"]["precision"]["labels"].__setitem__(3, value))


def rename_first_concept(ngrams: list[str]) -> None:
    first = next(ngram for ngram in ngrams if " " not in ngram)
    other = next(ngram for ngram in ngrams if " " not in ngram and ngram != first)
    kept = [" ".join(other if part == first else part for part in ngram.split(" ")) for ngram in ngrams]
    # n-grams must differ from each other: what became equal is made different by repeating it
    seen: set[str] = set()
    for i, ngram in enumerate(kept):
        while ngram in seen:
            ngram += f" {other}"
        seen.add(ngram)
        ngrams[i] = ngram


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("unpickled-by-mistake"),))


def zipped(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, content)
    return archive.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    return zipped("intercepts.npy", buffer.getvalue())


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no weights": lambda f: (f / "weights.npz").unlink(),
    "no description": lambda f: (f / "model.json").unlink(),
    "truncated weights": lambda f: (f / "weights.npz").write_bytes((f / "weights.npz").read_bytes()[:-100]),
    "empty weights": lambda f: (f / "weights.npz").write_bytes(b""),
    "flipped bit": lambda f: (f / "weights.npz").write_bytes(b"Q" + (f / "weights.npz").read_bytes()[1:]),
    "description not JSON": lambda f: (f / "model.json").write_text("{", encoding="utf-8"),
    "description not UTF-8": lambda f: (f / "model.json").write_bytes(b"\xff\xfe\x00"),
    "description a list": lambda f: (f / "model.json").write_text("[]", encoding="utf-8"),
    "deeply nested description": lambda f: (f / "model.json").write_text("[" * 100_000, encoding="utf-8"),
    "foreign format": lambda f: describe(f, lambda d: d.update(format="other")),
    "later version": lambda f: describe(f, lambda d: d.update(format_version=99)),
    "other labels": lambda f: describe(f, lambda d: d["labels"].reverse()),
    "no sha256": lambda f: describe(f, lambda d: d.pop("files")),
    "no thresholds": lambda f: describe(f, lambda d: d.pop("thresholds")),
    "thresholds not numbers": lambda f: describe(f, lambda d: d["thresholds"]["balanced"].update(labels=["x"] * 11)),
    "threshold missing": lambda f: describe(f, lambda d: d["thresholds"]["recall"]["labels"].pop()),
    "changed lexicon": lambda f: (f / "lexicon.json").write_text("{}", encoding="utf-8"),
    "no lexicon": lambda f: (f / "lexicon.json").unlink(),
    "not an archive": lambda f: replace_weights(f, b"weights"),
    "a pickle inside": lambda f: replace_weights(f, pickled()),
    "a bare pickle": lambda f: replace_weights(f, pickle.dumps(Bomb())),
    "missing array": lambda f: reweigh(f, lambda a: a.pop("words_idf")),
    "wrong shape": lambda f: reweigh(f, lambda a: a.update(chars_idf=a["chars_idf"][:-1])),
    "wrong label count": lambda f: reweigh(f, lambda a: a.update(intercepts=a["intercepts"][:-1])),
    "not finite": lambda f: reweigh(f, lambda a: a["words_weights"].__setitem__((0, 0), np.nan)),
    "infinite idf": lambda f: reweigh(f, lambda a: a["words_idf"].__setitem__(0, np.inf)),
    "strings for weights": lambda f: reweigh(f, lambda a: a.update(words_weights=a["words_weights"].astype(str))),
    "strings for n-grams": lambda f: reweigh(f, lambda a: a.update(words_ngrams=np.array(["hacked", "stolen"]))),
    "complex weights": lambda f: reweigh(f, lambda a: a.update(words_weights=a["words_weights"].astype(complex))),
    "whole numbers for weights": lambda f: reweigh(f, lambda a: a.update(intercepts=np.zeros(11, dtype=int))),
    "dates for idf": lambda f: reweigh(f, lambda a: a.update(words_idf=a["words_idf"].astype("datetime64[s]"))),
    "wide n-grams": lambda f: reweigh(f, lambda a: a.update(pairs_ngrams=a["pairs_ngrams"].astype(np.uint32))),
    "0-d idf": lambda f: reweigh(f, lambda a: a.update(chars_idf=np.array(1.0))),
    "0-d n-grams": lambda f: reweigh(f, lambda a: a.update(chars_ngrams=np.array(97, dtype=np.uint8))),
    "0-d profiles": lambda f: reweigh(f, lambda a: a.update(ruling_profiles=np.array(1.0))),
    "1-d weights": lambda f: reweigh(f, lambda a: a.update(words_weights=a["words_weights"][:, 0])),
    "text for an array": lambda f: replace_weights(f, zipped("intercepts.npy", b"no array")),
    "damaged stream": damage_stream,
    "huge header": lambda f: replace_weights(f, huge_header()),
    "the same n-gram twice": rewrite_ngrams("chars", lambda ngrams: ngrams.__setitem__(1, ngrams[0])),
    "pair of unknown concepts": rewrite_ngrams("pairs", lambda ngrams: ngrams.__setitem__(0, "no such")),
    "pair of concepts that are no features": rewrite_ngrams("concepts", rename_first_concept),
    "pair of one": rewrite_ngrams("pairs", lambda ngrams: ngrams.__setitem__(0, ngrams[0].split(" ")[0])),
    "pair of three": rewrite_ngrams("pairs", lambda ngrams: ngrams.__setitem__(0, ngrams[0] + " x")),
    "pair the wrong way round": rewrite_ngrams(
        "pairs", lambda ngrams: ngrams.__setitem__(slice(None), [" ".join(n.split(" ")[::-1]) for n in ngrams])
    ),
    "empty lexicon": lambda f: replace_lexicon(f, b"{}"),
    "lexicon nested too deeply": lambda f: replace_lexicon(f, b"[" * 100_000),
    "threshold NaN": set_threshold(float("nan")),
    "threshold below 0": set_threshold(-0.1),
    "threshold above 1": set_threshold(1.1),
    "threshold true": set_threshold(True),
    "threshold a string": set_threshold("0.5"),
    "threshold beyond floats": set_threshold(10**400),
    "thresholds one string": lambda f: describe(f, lambda d: d["thresholds"]["recall"].update(labels="0" * 11)),
    "first threshold missing": lambda f: describe(f, lambda d: d["thresholds"]["recall"].pop("first")),
    "first threshold above 1": lambda f: describe(f, lambda d: d["thresholds"]["recall"].update(first=1.5)),
    "review limit NaN": lambda f: describe(f, lambda d: d.update(review_limit=float("nan"))),
    "familiarity limit NaN": lambda f: describe(f, lambda d: d.update(familiarity_limit=float("nan"))),
    "familiarity limit infinite": lambda f: describe(f, lambda d: d.update(familiarity_limit=float("inf"))),
    "paragraph limit NaN": lambda f: describe(f, lambda d: d["paragraph_limits"].update({"13(a)": float("nan")})),
    "n-grams not UTF-8": lambda f: reweigh(f, lambda a: a["words_ngrams"].__setitem__(0, 255)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_gives_one_sentence(damage: Callable[[Path], object], folder: Path) -> None:
    damage(folder)
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert not Path("unpickled-by-mistake").exists()


def test_oversized_files_are_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "_MAX_FILE_BYTES", 1000)
    with pytest.raises(ModelError, match="larger than 1,000 bytes"):
        load_model(folder)


def test_archives_that_unpack_too_large_are_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "_MAX_ARRAY_BYTES", 1_000_000)
    replace_weights(folder, zip_bomb())
    with pytest.raises(ModelError, match="unpacks to more"):
        load_model(folder)


def test_the_same_training_writes_the_same_bytes(trained: Trained, small_model: Path, tmp_path: Path) -> None:
    again = Trained(trained.corpus).write(tmp_path / "again")
    files = [file.relative_to(again) for file in again.rglob("*") if file.is_file()]
    assert len(files) == 4
    assert all((again / file).read_bytes() == (small_model / file).read_bytes() for file in files)


def test_the_exported_pipeline_gives_the_same_probabilities(
    trained: Trained, small_model: Path, tmp_path: Path
) -> None:
    export_pipeline(tmp_path / "a.joblib", trained.pipeline, trained.calibration)
    export_pipeline(tmp_path / "b.joblib", trained.pipeline, trained.calibration)
    assert (tmp_path / "a.joblib").read_bytes() == (tmp_path / "b.joblib").read_bytes()
    texts = [e.text for e in read_corpus(trained.corpus)]
    exported = joblib.load(tmp_path / "a.joblib").predict_proba(texts)
    assert np.abs(exported - Tagger.load(small_model).probabilities(texts)).max() <= 1e-6


def test_rounding_for_storage_moves_no_probability_by_a_hundredth(trained: Trained, small_model: Path) -> None:
    texts = [e.text for e in read_corpus(trained.corpus)]
    exact = trained.calibration.probabilities(trained.pipeline.decision_function(texts))
    assert np.abs(exact - Tagger.load(small_model).probabilities(texts)).max() < 0.01


def test_the_shipped_model_is_small_and_was_trained_on_the_shipped_corpus() -> None:
    from conftest import CORPUS

    from treatytag.corpus import corpus_sha256, read_corpus

    folder = default_model_dir()
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 10_000_000
    description = load_model(folder).description
    assert description["labels"] == list(LABELS)
    assert description["corpus"]["sha256"] == corpus_sha256(read_corpus(CORPUS))
