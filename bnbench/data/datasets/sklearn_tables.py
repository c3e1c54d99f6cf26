"""Iris, Wine, Breast cancer and Diabetes: small tables that come with scikit-learn, with the names of their columns."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bnbench.data.types import Array, DatasetSpec, FileLayout, ParsedArrays
from bnbench.data.validate import check_published

WHERE = "scikit-learn's copy"
PACKAGE = "scikit-learn"
IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip
_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
BREAST_CANCER = (
    *(f"mean {name}" for name in _MEASURES),
    *(f"{name} error" for name in _MEASURES),
    *(f"worst {name}" for name in _MEASURES),
)
# Of the parsed arrays, the same in every release of scikit-learn.
FINGERPRINTS = {
    "iris": "fed08de277cf9d4aef50f64981f450d41a1238d243947352306bdd2463127c4f",
    "wine": "25d258210576599edeb8f44d469aa2f847e0abebabc14f0798411ebf6e35c394",
    "breast_cancer": "ca07eaeb079bc3287b1c2a5056c79f575ac0de24f180599c7f98f073fe84103e",
    "diabetes": "027f8bd8d3554eb3647afa160b09b248a31893399ae0b5c4be93f73431d0f797",
}
DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def parse_classes(paths: tuple[Path, ...], name: str, fingerprint: str) -> ParsedArrays:
    """Return a table with classes: x (rows, columns) float32 and y (rows,) int32; `paths` is empty."""
    bunch = _load(name)
    classes = tuple(str(one).removeprefix("class_") for one in bunch.target_names)
    return _checked(bunch.data, bunch.target.astype(np.int32), classes, name, fingerprint)


def parse_diabetes(paths: tuple[Path, ...], fingerprint: str) -> ParsedArrays:
    """Return Diabetes as measured: x (442, 10) float32 and y (442,) float32, how far the disease is after a year.

    scikit-learn scales the columns by default; `data.scale: standard` does the same on the training part alone.
    """
    bunch = _load("diabetes", scaled=False)
    return _checked(bunch.data, bunch.target.astype(np.float32), (), "diabetes", fingerprint)


def _load(name: str, **how: Any) -> Any:
    from sklearn import datasets

    load: Callable[..., Any] = getattr(datasets, f"load_{name}")
    return load(**how)


def _checked(x: Array, y: Array, classes: tuple[str, ...], name: str, fingerprint: str) -> ParsedArrays:
    parsed = ParsedArrays(x.astype(np.float32), y, classes, 0)
    return check_published(parsed, fingerprint, "", f"{WHERE} of {name}")


def _spec(
    name: str, title: str, page: int, rows: int, columns: tuple[str, ...], span: tuple[float, float]
) -> DatasetSpec:
    parse = partial(parse_classes, name=name, fingerprint=FINGERPRINTS[name])
    return DatasetSpec(
        name=name,
        title=title,
        page=f"https://archive.ics.uci.edu/dataset/{page}",
        licence="CC BY 4.0",
        rows=rows,
        shape=(len(columns),),
        class_count=2 if name == "breast_cancer" else 3,
        value_range=span,
        forms=(FileLayout(WHERE, (), parse),),
        package=PACKAGE,
        columns=columns,
        other_columns=("target",),
    )


DATASETS = (
    _spec("iris", "Iris flowers (Fisher 1936)", 53, 150, IRIS, (0.0, 10.0)),
    _spec("wine", "Wine: chemical analysis (Aeberhard, Forina 1991)", 109, 178, WINE, (0.0, 2_000.0)),
    _spec(
        "breast_cancer",
        "Breast cancer Wisconsin (Wolberg, Mangasarian, Street 1993)",
        17,
        569,
        BREAST_CANCER,
        (0.0, 5_000.0),
    ),
    DatasetSpec(
        name="diabetes",
        title="Diabetes: progression after a year (Efron, Hastie, Johnstone, Tibshirani 2004)",
        page="https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
        licence="none stated",
        rows=442,
        shape=(len(DIABETES),),
        class_count=0,
        value_range=(0.0, 500.0),
        forms=(FileLayout(WHERE, (), partial(parse_diabetes, fingerprint=FINGERPRINTS["diabetes"])),),
        package=PACKAGE,
        columns=DIABETES,
        other_columns=("target",),
    ),
)
