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


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("unpickled-by-mistake"),))


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("words_idf.npy", buffer.getvalue())
    return archive.getvalue()


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
    "thresholds not numbers": lambda f: describe(f, lambda d: d["thresholds"].update(balanced=["x"] * 11)),
    "threshold missing": lambda f: describe(f, lambda d: d["thresholds"]["recall"].pop()),
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
