import json
import math
from pathlib import Path

import pandas as pd

from bnbench.store import results_dir


def test_text_is_replaced_in_one_piece(tmp_path: Path) -> None:
    results_dir.write_text(tmp_path / "a" / "x.json", json.dumps({"a": 1}))
    results_dir.write_text(tmp_path / "a" / "x.json", json.dumps({"b": 2}))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.json"]
    assert json.loads((tmp_path / "a" / "x.json").read_text()) == {"b": 2}


def test_a_text_with_the_name_of_a_folder_that_is_no_text_is_written(tmp_path: Path) -> None:
    results_dir.write_text(tmp_path / "x", "in r\udcff")
    assert (tmp_path / "x").read_bytes() == b"in r\\udcff"


def test_a_table_is_written_as_pandas_writes_it(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "text": ["plain", 'a "quoted", cell', "two\nlines", None],
            "float": [0.1, 1e-20, math.inf, math.nan],
            "whole": pd.array([1, 2**53 + 1, None, -4], "Int64"),
            "bool": [True, False, True, False],
            "mixed": ["x", 2, 0.5, None],
        }
    )
    results_dir.write_tables(tmp_path, {"table": table})
    assert (tmp_path / "table.csv").read_bytes() == table.to_csv(index=False, lineterminator="\n").encode()
