"""`bnbench init`: what it writes for the forms in which people have data, and what it refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.commands.init import InitRequest, WrittenExperiment, write_experiment
from bnbench.commands.validate import validate_file
from bnbench.config.load import load_config
from bnbench.data.types import DataDirs
from bnbench.errors import BnbenchError
from bnbench.training.threads import use_threads
from support.commands import call, set_environment
from support.quick import use_graphs

RANDOM = np.random.default_rng(0)
ROWS = 60
FRAME = pd.DataFrame(
    {
        "size": RANDOM.normal(size=ROWS).round(3),
        "weight": RANDOM.normal(size=ROWS).round(2),
        "species": ["elm", "oak", "ash"] * (ROWS // 3),
    }
)
PRICES = FRAME.drop(columns="species").assign(price=RANDOM.normal(size=ROWS).round(3))
PASSENGERS = pd.DataFrame(
    {
        "PassengerId": range(1, ROWS + 1),
        "Survived": [0, 1, 1] * (ROWS // 3),
        "Pclass": [1, 2, 3] * (ROWS // 3),
        "Name": [f"Braund, Mr. Owen {i}" for i in range(ROWS)],
        "Sex": ["male", "female"] * (ROWS // 2),
        "Age": [None if i % 5 == 0 else i + 0.5 for i in range(ROWS)],
        "Day": [f"{i % 28 + 1}.04.1912" for i in range(ROWS)],
        "Embarked": [None if i == 7 else "SCQ"[i % 3] for i in range(ROWS)],
    }
)


def table(name: str, frame: pd.DataFrame = FRAME, **how: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        frame.to_csv(folder / name, **{"index": False, **how})
        return folder / name

    return make


def parquet(folder: Path) -> Path:
    pytest.importorskip("pyarrow")
    FRAME.assign(day=pd.to_datetime("2020-01-01")).to_parquet(folder / "trees.parquet")
    return folder / "trees.parquet"


def archive(**arrays: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "faces.npz", **arrays)
        return folder / "faces.npz"

    return make


def array_folder(folder: Path) -> Path:
    (folder / "signals").mkdir()
    np.save(folder / "signals" / "X.npy", RANDOM.normal(size=(ROWS, 20, 3)))
    np.save(folder / "signals" / "y.npy", RANDOM.normal(size=ROWS))
    return folder / "signals"


def images(*parts: str, mode: str = "RGB", sides: tuple[int, ...] = (20,)) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        for part in parts or ("",):
            for name in ("oak", "elm"):
                place = folder / "leaves" / part / name
                place.mkdir(parents=True)
                for i in range(10):
                    side = sides[i % len(sides)]
                    pixels = RANDOM.integers(0, 255, (side, side, 3), np.uint8)
                    Image.fromarray(pixels).convert(mode).save(place / f"{i}.png")
        return folder / "leaves"

    return make


def pixels(rows: int, *shape: int) -> Any:
    return RANDOM.integers(0, 255, (rows, *shape), np.uint8)


CLASSES = np.arange(ROWS) % 3
# Form -> what makes it, and some keys of `data` that must be written.
FORMS: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "csv": (table("trees.csv"), {"target": "species", "task": "classes", "scale": "standard"}),
    "tsv": (table("trees.tsv", sep="\t"), {"target": "species", "separator": None}),
    "semicolons, decimal commas": (
        table("trees.csv", sep=";", decimal=","), {"separator": ";", "decimal": ",", "target": "species"},
    ),
    "tabs in a text": (table("trees.txt", sep="\t"), {"separator": "\t"}),
    "bars, packed": (table("trees.csv.gz", sep="|"), {"separator": "|", "table": "trees.csv.gz"}),
    "spaces": (table("trees.data", sep=" "), {"separator": " "}),
    "UTF-16": (table("trees.csv", encoding="utf-16"), {"target": "species"}),
    "an index of pandas": (table("trees.csv", index=True), {"drop": [""], "target": "species"}),
    "no header": (table("trees.csv", header=False), {"header": False, "target": "3"}),
    "names of positions": (
        table("t.csv", FRAME.set_axis([0, 1, 2], axis=1)), {"header": True, "target": "2"},
    ),
    "a regression": (table("prices.csv", PRICES), {"task": "number", "target": "price", "target_scale": "standard"}),
    "Kaggle": (
        table("train.csv", PASSENGERS),
        {
            "target": "Survived", "drop": ["PassengerId", "Name", "Day"], "missing": {"Age": "mean"},
            "categories": {"Sex": ["female", "male"], "Embarked": ["", "C", "Q", "S"]},
        },
    ),
    "parquet": (parquet, {"target": "species", "drop": ["day"]}),
    "an archive with a test part": (
        archive(x_train=pixels(ROWS, 28, 28), y_train=CLASSES, x_test=pixels(20, 28, 28), y_test=CLASSES[:20]),
        {"x": "x_train", "y": "y_train", "x_test": "x_test", "y_test": "y_test", "scale": "unit"},
    ),
    "an archive with all parts": (
        archive(
            train_images=pixels(ROWS, 12, 12, 3), train_labels=CLASSES[:, np.newaxis], val_images=pixels(20, 12, 12, 3),
            val_labels=CLASSES[:20], test_images=pixels(20, 12, 12, 3), test_labels=CLASSES[:20],
        ),
        {"x_validation": "val_images", "y_test": "test_labels"},
    ),
    "two arrays of any name": (archive(a=RANDOM.normal(size=(ROWS, 4)), b=CLASSES), {"x": "a", "y": "b"}),
    "channels first": (archive(x=pixels(ROWS, 3, 16, 16), y=np.array(["a", "b"] * 30)), {"task": "classes"}),
    "a folder of arrays": (array_folder, {"arrays": "signals/", "x": "X", "task": "number"}),
    "a file of a pair of arrays": (lambda folder: array_folder(folder) / "X.npy", {"arrays": "signals/"}),
    "images": (images(), {"images": "leaves/", "size": [20, 20], "channels": 3, "scale": "unit"}),
    "gray images in parts": (images("train", "test", mode="L"), {"channels": 1, "size": [20, 20]}),
    "large images of several sizes": (images("train", "val", sides=(120, 90)), {"size": [64, 64]}),
}  # fmt: skip


def init(source: Path | str | None, folder: Path, **more: Any) -> WrittenExperiment:
    places = DataDirs(None, folder / "cache", offline=True)
    return write_experiment(InitRequest(None if source is None else str(source), data_dirs=places, **more))


@pytest.mark.parametrize("name", FORMS)
def test_what_is_written_is_a_plan_and_says_what_was_found(name: str, tmp_path: Path) -> None:
    make, wanted = FORMS[name]
    path = make(tmp_path)
    written = init(path, tmp_path)
    data = load_config(written.path).data
    assert {key: getattr(data, key) for key in wanted} == wanted
    assert validate_file(written.path).mistakes == ()
    request = ExperimentRequest(written.path, data_dirs=DataDirs(None, tmp_path / "cache", offline=True))
    assert plan_experiment(request)[0] == written.plan
    assert 0 < written.seconds <= 60
    text = written.path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=experiment.schema.json\n")
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", ["iris", "diabetes", "mnist", "distance"])
def test_a_built_in_set_needs_no_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = init(name, tmp_path)
    assert written.path == Path(f"{name}.yaml")
    experiment = load_config(written.path)
    assert experiment.data.name == name
    assert validate_file(written.path).mistakes == ()
    # Only its files say whether MNIST has an official test part.
    assert (experiment.data.split.test is None) == (name == "mnist")
    assert (experiment.data.limit is not None) == (name == "mnist")


def test_without_a_file_it_is_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert init(None, tmp_path).path == Path("digits.yaml")


def test_each_finding_has_its_reason_in_the_file(tmp_path: Path) -> None:
    text = init(FORMS["Kaggle"][0](tmp_path), tmp_path).path.read_text(encoding="utf-8")
    lines = {line.partition("#")[0].strip(): line.partition("#")[2].strip() for line in text.splitlines()}
    assert "it numbers the rows" in lines["- PassengerId"]
    assert "text with" in lines["- Name"]
    assert "dates" in lines["- Day"]
    assert "12 missing" in lines["Age: mean"]
    assert "by its name" in lines["target: Survived"]
    assert "20 to 40 rows" in lines["task: classes"]
    assert "`missing: drop_rows` would leave out 12 of 60 rows" in text
    assert "# categories: {Pclass: [1, 2, 3]}" in text


def test_a_group_is_only_suggested(tmp_path: Path) -> None:
    frame = FRAME.assign(patient_id=[f"p{i // 4}" for i in range(ROWS)])
    written = init(table("visits.csv", frame)(tmp_path), tmp_path)
    data = load_config(written.path).data
    assert (data.group, data.drop) == (None, ["patient_id"])
    assert "# group: patient_id" in written.path.read_text(encoding="utf-8")


def test_uneven_classes_are_said(tmp_path: Path) -> None:
    frame = FRAME.assign(species=["oak"] * 50 + ["elm"] * 10)
    assert "# class_weight: balanced" in init(table("a.csv", frame)(tmp_path), tmp_path).path.read_text("utf-8")


def test_the_target_can_be_named(tmp_path: Path) -> None:
    path = table("trees.csv")(tmp_path)
    data = load_config(init(path, tmp_path, target="weight").path).data
    assert (data.target, data.task) == ("weight", "number")
    assert data.categories == {"species": ["ash", "elm", "oak"]}


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    path = table("trees.csv")(tmp_path)
    (tmp_path / "trees.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(BnbenchError, match=r"trees\.yaml: the file exists: give --output or --name"):
        init(path, tmp_path)
    assert (tmp_path / "trees.yaml").read_text(encoding="utf-8") == "mine"
    assert init(path, tmp_path, name="other").path == tmp_path / "other.yaml"
    init(path, tmp_path, force=True)
    assert load_config(tmp_path / "trees.yaml").name == "trees"


def test_the_file_is_where_the_data_can_be_reached(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = table("trees.csv")(tmp_path / "data")
    assert load_config(init(path, tmp_path, output=tmp_path / "x.yaml").path).data.table == "data/trees.csv"
    (tmp_path / "configs").mkdir()
    with pytest.raises(BnbenchError, match="is not in the folder of this file"):
        init(path, tmp_path, output=tmp_path / "configs" / "x.yaml")
    with pytest.raises(BnbenchError, match="its folder does not exist"):
        init(path, tmp_path, output=tmp_path / "none" / "x.yaml")
    with pytest.raises(BnbenchError, match=r"ends with \.yaml"):
        init(path, tmp_path, output=tmp_path / "x.txt")


def csv(*lines: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "own.csv").write_text("\n".join(lines), encoding="utf-8")
        return folder / "own.csv"

    return make


def table_and_folder(folder: Path) -> Path:
    """Return a folder with a table, and with a folder that is no class of images."""
    (folder / "mine" / "notes").mkdir(parents=True)
    _touched(folder / "mine" / "notes" / "a.txt")
    return _touched(folder / "mine" / "a.csv").parent


def empty_folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def python_cifar(folder: Path) -> Path:
    (folder / "cifar-10-batches-py").mkdir()
    (folder / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"x")
    return folder / "cifar-10-batches-py"


NUMBERS = [f"{i},{i * 0.37}" for i in range(20)]
REFUSED: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "no such file": (lambda folder: table("trees.csv")(folder).with_name("tres.csv"), {}, "did you mean 'trees.csv'"),
    "no such data set": (lambda _: Path("irs"), {}, "no such file, folder or built-in data set"),
    "an empty file": (csv(), {}, "empty"),
    "no rows": (csv("a,b"), {}, "no rows"),
    "one column": (csv("a", "1", "2"), {}, "one column"),
    "one class": (csv("x,target", *(f"{i * 0.3},1" for i in range(20))), {}, "has the class '1' in every row"),
    "a class in each row": (csv("x,label", *(f"{i},n{i}" for i in range(2, 20))), {}, "as many classes as rows"),
    "a class with one row": (csv("x,label", *(f"{i * 0.3},{'ab'[i % 2]}" for i in range(9)), "9,c"), {}, "(line 11)"),
    "nothing left": (csv("id,y", *(f"{i},{i % 2}" for i in range(20))), {}, "'id': it numbers the rows"),
    "no target": (csv("id,b", *(f"{i},7" for i in range(20))), {}, "no column can be the target"),
    "two columns of one name": (csv("a,a,y", "1,2,3"), {}, "both called 'a'"),
    "a short row": (csv("a,y", *NUMBERS, "5"), {}, "line 22: 1 cells, wanted 2"),
    "thousands": (csv("x,price", *(f'{i * 0.3},"{i + 1},500"' for i in range(20))), {}, "'1,500' is no number"),
    "no such column": (csv("a,quality", *NUMBERS), {"target": "qualiti"}, "did you mean 'quality'"),
    "a spreadsheet": (lambda folder: _touched(folder / "a.xlsx"), {}, "a spreadsheet: save it as CSV"),
    "an empty folder": (empty_folder, {}, "no .npy files, and no folders of images"),
    "a folder with a table": (table_and_folder, {}, "for a table, give the file: a.csv"),
    "pickles": (python_cifar, {}, "the python form is not read"),
    "a target of images": (images(), {"target": "oak"}, "--target: the classes of images"),
    "arrays of no known kind": (archive(a=np.ones((9, 2)), b=np.ones((9, 3)), c=CLASSES[:9]), {}, "call them x and y"),
    "no such array": (archive(x=np.ones((9, 2)), y=CLASSES[:9]), {"target": "z"}, "'z' is not one of x, y"),
    "one-hot targets": (archive(x=np.ones((9, 2)), y=np.eye(9)), {}, "use y.argmax(axis=1)"),
    "a wrong name": (csv("a,y", *NUMBERS), {"name": "a b"}, "--name: 'a b' is no valid name"),
}  # fmt: skip


def _touched(path: Path) -> Path:
    path.write_bytes(b"x")
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    make, more, message = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(BnbenchError) as caught:
        init(path, tmp_path, **more)
    assert message in str(caught.value)
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".yaml"] == []


def test_the_files_of_a_built_in_set_are_recognized(tmp_path: Path) -> None:
    for folder in ("fashion_mnist", "fashion-mnist"):
        (tmp_path / folder).mkdir()
        for part in ("train", "t10k"):
            for kind in ("images-idx3", "labels-idx1"):
                (tmp_path / folder / f"{part}-{kind}-ubyte").write_bytes(b"x")
    written = init(tmp_path / "fashion_mnist", tmp_path)
    assert load_config(written.path).data.name == "fashion_mnist"
    assert written.run_options == f" --data-dir {tmp_path}"
    with pytest.raises(BnbenchError, match="rename the folder to fashion_mnist"):
        init(tmp_path / "fashion-mnist", tmp_path)


def test_init_and_run_lead_to_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.datasets import load_wine

    set_environment(monkeypatch, tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    use_threads(1)
    use_graphs(monkeypatch)
    load_wine(as_frame=True).frame.to_csv("wine.csv", index=False)
    call("init", "wine.csv")
    call("run", "wine.yaml", "--smoke", "-q")
    assert Path("results/wine-smoke/report.html").exists()
