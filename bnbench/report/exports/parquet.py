"""All tables of `Results` as Parquet files, through pyarrow."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.analysis.columns import TABLES, Column
from bnbench.analysis.labels import value_text
from bnbench.store.results_dir import replaced_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

    from bnbench.results.results import Results

# The scores whose paired differences are written, in one table.
SCORES = ("validation_score", "test_score")


def export(results: "Results", folder: Path) -> list[Path]:
    """Write a file for each table, the ones without rows too, and return the paths.

    The metadata of a schema name the table and the version of bnbench; those of a field have the meaning and the unit
    that `columns.py` declares. A missing value is null, an infinite one stays infinite.

    Raises:
        ResultsError: a table cannot be made, or a file cannot be written.
    """
    from pyarrow import parquet

    paths = []
    for name, table in result_tables(results).items():
        path = folder / f"{name}.parquet"
        with replaced_file(path) as temporary:
            parquet.write_table(to_arrow(name, table), temporary)
        paths.append(path)
    return paths


def result_tables(results: "Results") -> "dict[str, pd.DataFrame]":
    """Return all tables by the names that they have as attributes of `Results`."""
    import pandas as pd

    return {
        "trials": results.trials,
        "history": results.history,
        "measurements": results.measurements(),
        "summary": results.summary,
        "variants": results.variants,
        "well": results.well,
        "learning_curves": results.learning_curves,
        "tuning": results.tuning,
        "differences": pd.concat(list(map(results.differences, SCORES)), ignore_index=True),
        "differences_at_best": pd.concat(list(map(results.differences_at_best, SCORES)), ignore_index=True),
        "diagnoses": results.diagnoses,
        "claims": results.claims,
        "published": results.published,
        "confusions": results.confusions,
    }


def to_arrow(name: str, table: "pd.DataFrame") -> "pyarrow.Table":
    """Return a table with the declared types of its columns, and what they mean as metadata."""
    import pyarrow

    declared = {column.name: column for column in TABLES.get(name, ())}
    # A table without rows may have no columns either.
    table = table if len(table.columns) else table.reindex(columns=list(declared))
    arrays = [_to_array(table[column], declared.get(column)) for column in table.columns]
    fields = [
        pyarrow.field(str(column), array.type, metadata=_describe(declared.get(column)))
        for column, array in zip(table.columns, arrays, strict=True)
    ]
    about = {"bnbench_table": name, "bnbench_version": version("bnbench")}
    return pyarrow.table(arrays, schema=pyarrow.schema(fields, metadata=about))


def _to_array(values: "pd.Series[Any]", column: Column | None) -> "pyarrow.Array":
    """Return the values of a column. If an undeclared one mixes numbers and words, as an axis may, all become words."""
    import pyarrow

    types = {
        "text": pyarrow.string(), "integer": pyarrow.int64(), "number": pyarrow.float64(), "boolean": pyarrow.bool_(),
    }  # fmt: skip
    if column:
        return pyarrow.array(values, types[column.dtype], from_pandas=True)
    try:
        array = pyarrow.array(values, from_pandas=True)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        array = pyarrow.array(values.map(value_text), from_pandas=True)
    # The type of text depends on the version of pandas.
    return array.cast(types["text"]) if pyarrow.types.is_large_string(array.type) else array


def _describe(column: Column | None) -> Mapping[str, str]:
    if column is None:
        return {}
    return {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})
