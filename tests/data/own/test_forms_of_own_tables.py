"""Twenty forms in which people have the same table, and real files of installed packages: they load, or are refused."""

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.errors import BnbenchError
from support.own_data import load, load_table

NAMES = ["size", "weight", "color", "y"]
ROWS: list[list[Any]] = [
    [1.5, 10, "blue", "oak"],
    [-2.25, 0.001, "red", "elm"],
    [3e-05, 12, "red", "oak"],
    [4.0, 1200.5, "blue", "elm"],
    [0.0, 7, "blue", "elm"],
]
CATEGORIES = {"color": ["blue", "red"]}
FRAME = pd.DataFrame(ROWS, columns=NAMES)


def dumped(**how: Any) -> str:
    out = io.StringIO()
    csv.writer(out, **{"lineterminator": "\n", **how}).writerows([NAMES, *ROWS])
    return out.getvalue()


def frame(**how: Any) -> str:
    return str(FRAME.to_csv(**{"index": False, **how}))


Form = tuple[str, str | bytes | Callable[[], bytes], dict[str, Any]]
FORMS: dict[str, Form] = {
    "csv": ("a.csv", dumped(), {}),
    "pandas": ("a.csv", frame(), {}),
    "an index of pandas, dropped": ("a.csv", frame(index=True), {"drop": [""]}),
    "an id, dropped": ("a.csv", frame(index=True, index_label="Id"), {"drop": ["Id"]}),
    "tabs in a .tsv": ("a.tsv", dumped(delimiter="\t"), {}),
    "tabs in a .csv": ("a.csv", dumped(delimiter="\t"), {"separator": "tab"}),
    "semicolons": ("a.csv", dumped(delimiter=";"), {"separator": ";"}),
    "semicolons and decimal commas": ("a.csv", frame(sep=";", decimal=","), {"separator": ";", "decimal": ","}),
    "tabs and decimal commas": ("a.txt", frame(sep="\t", decimal=","), {"separator": "tab", "decimal": ","}),
    "decimal commas in quotes": (
        "a.csv", "\n".join(",".join(f'"{str(c).replace(".", ",")}"' for c in row) for row in [NAMES, *ROWS]),
        {"decimal": ","},
    ),
    "bars": ("a.csv", dumped(delimiter="|"), {"separator": "|"}),
    "spaces": ("a.data", dumped(delimiter=" "), {"separator": " "}),
    "aligned columns": ("a.txt", FRAME.to_string(index=False), {"separator": " "}),
    "all quoted": ("a.csv", dumped(quoting=csv.QUOTE_ALL), {}),
    "text quoted": ("a.csv", dumped(quoting=csv.QUOTE_NONNUMERIC), {}),
    "spaces after commas": ("a.csv", dumped().replace(",", ", "), {}),
    "a byte order mark": ("a.csv", dumped().encode("utf-8-sig"), {}),
    "UTF-16 of a spreadsheet": ("a.txt", dumped(delimiter="\t").encode("utf-16"), {"separator": "tab"}),
    "line ends of Windows": ("a.csv", dumped(lineterminator="\r\n"), {}),
    "line ends of old Macs": ("a.csv", dumped(lineterminator="\r"), {}),
    "no last line end": ("a.csv", dumped().rstrip("\n"), {}),
    "empty lines": ("a.csv", dumped().replace("\n", "\n\n"), {}),
    "packed": ("a.csv.gz", gzip.compress(dumped().encode()), {}),
    "no header": (
        "a.csv", dumped().partition("\n")[2],
        {"header": False, "target": "4", "categories": {3: ["blue", "red"]}},
    ),
    "another order of columns": ("a.csv", frame(columns=["size", "weight", "y", "color"]), {}),
    "many digits": ("a.csv", frame(float_format="%.17e"), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_the_same_table_in_another_form_has_the_same_rows(name: str, tmp_path: Path) -> None:
    file, content, settings = FORMS[name]
    data = content() if callable(content) else content
    found = load_table(tmp_path, data, file, **{"categories": CATEGORIES, **settings})
    hot = [[float(row[2] == color) for color in CATEGORIES["color"]] for row in ROWS]
    assert np.array_equal(found.x, np.array([[*row[:2], *one] for row, one in zip(ROWS, hot, strict=True)], np.float32))
    assert found.facts.classes == ("elm", "oak")
    assert found.y.tolist() == [1, 0, 1, 0, 0]
    assert found.facts.fingerprint == load_table(tmp_path, dumped(), categories=CATEGORIES).facts.fingerprint


def test_parquet_has_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    FRAME.assign(color=FRAME["color"].astype("category")).to_parquet(tmp_path / "a.parquet")
    found = load(tmp_path, table="a.parquet", target="y", categories=CATEGORIES)
    assert found.facts.fingerprint == load_table(tmp_path, dumped(), categories=CATEGORIES).facts.fingerprint


def test_parquet_with_missing_values_dates_and_objects(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    days = pd.to_datetime(["2020-01-01"] * 5)
    table = FRAME.assign(day=days, size=[1.5, None, 3.0, 4.0, 5.0], many=[[1]] * 5, y=[1, 2, 1, 2, 2])
    table.to_parquet(tmp_path / "a.parquet")
    settings = {"table": "a.parquet", "target": "y", "categories": CATEGORIES}
    with pytest.raises(BnbenchError, match="column 'day' has dates or times"):
        load(tmp_path, **settings, drop=["many"])
    with pytest.raises(BnbenchError, match="column 'many' has the type list"):
        load(tmp_path, **settings, drop=["day"])
    with pytest.raises(BnbenchError, match=r"row 2, column 'size': is empty: set data.missing"):
        load(tmp_path, **settings, drop=["day", "many"])
    found = load(tmp_path, **settings, drop=["day", "many"], missing={"size": "mean"})
    assert np.isnan(found.x[:, 0]).tolist() == found.x[:, -1].astype(bool).tolist() == [False, True, *[False] * 3]
    assert found.facts.classes == ("1", "2")


def test_parquet_without_its_library_is_refused_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(BnbenchError, match=r"pip install 'bnbench\[parquet\]'"):
        load(tmp_path, table="a.parquet", target="y")


def installed(package: str, name: str) -> Path:
    folder = Path(str(__import__(package).__file__)).parent
    if not (folder / name).exists():
        pytest.skip(f"{package} has no {name}")
    return folder / name


@pytest.mark.parametrize(
    ("package", "name", "settings", "rows", "shape"),
    [
        ("sklearn", "datasets/data/digits.csv.gz", {"target": "65", "header": False}, 1797, (64,)),
        ("sklearn", "datasets/data/diabetes_data_raw.csv.gz",
         {"target": "1", "header": False, "separator": " ", "task": "number"}, 442, (9,)),
        ("sklearn", "datasets/data/linnerud_exercise.csv",
         {"target": "Chins", "separator": " ", "task": "number"}, 20, (2,)),
        ("matplotlib", "mpl-data/sample_data/data_x_x2_x3.csv",
         {"target": "3", "header": False, "separator": " ", "task": "number"}, 11, (2,)),
        ("matplotlib", "mpl-data/sample_data/msft.csv",
         {"target": "Close", "drop": ["Date"], "task": "number"}, 65, (5,)),
    ],
)  # fmt: skip
def test_tables_of_installed_packages_load(
    package: str, name: str, settings: dict[str, Any], rows: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = installed(package, name)
    where = DataDirs(None, tmp_path, config_dir=path.parent)
    facts = access.dataset_info(Data(table=path.name, **settings), where)
    assert (facts.rows, facts.shape) == (rows, shape)


@pytest.mark.parametrize(
    ("package", "name", "settings", "message"),
    [
        ("sklearn", "datasets/data/iris.csv", {"target": "species"}, "seems to begin with a row"),
        ("sklearn", "datasets/data/breast_cancer.csv", {"target": "benign"}, "line 2: 31 cells, wanted 4"),
        ("matplotlib", "mpl-data/sample_data/msft.csv", {"target": "Close", "task": "number"},
         "line 2, column 'Date': '19-Sep-03' is a date or a time"),
        ("matplotlib", "mpl-data/sample_data/Stocks.csv", {"target": "IBM"}, "seems to begin with a comment"),
    ],
)  # fmt: skip
def test_tables_of_installed_packages_are_refused_by_name(
    package: str, name: str, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = installed(package, name)
    with pytest.raises(BnbenchError) as caught:
        access.dataset_info(Data(table=path.name, **settings), DataDirs(None, tmp_path, config_dir=path.parent))
    assert message in str(caught.value)


def test_a_built_in_set_as_an_own_table_has_the_same_fingerprint(tmp_path: Path) -> None:
    from sklearn.datasets import load_wine

    load_wine(as_frame=True).frame.to_csv(tmp_path / "my wine.csv", index=False)
    own = load(tmp_path, table="my wine.csv", target="target")
    built_in = load(tmp_path, name="wine")
    assert own.facts.fingerprint == built_in.facts.fingerprint
    assert (own.facts.name, built_in.facts.name) == ("my wine", "wine")
