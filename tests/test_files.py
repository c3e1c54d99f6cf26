import json
from pathlib import Path

from bnbench import files


def test_text_is_replaced_whole(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a" / "x.json", json.dumps({"a": 1}))
    files.write_text(tmp_path / "a" / "x.json", json.dumps({"b": 2}))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.json"]
    assert json.loads((tmp_path / "a" / "x.json").read_text()) == {"b": 2}
