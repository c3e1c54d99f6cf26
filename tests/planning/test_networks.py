"""Variants with a network: the same ids as with a list of layers, paths, places of mistakes, what is recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bnbench.commands.experiment import find_places
from bnbench.commands.validate import validate_file
from bnbench.config.load import check_config, load_config
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
from bnbench.execution import sweep
from bnbench.location import Location
from bnbench.model.network_file import Network
from bnbench.model.network_json import write_network
from bnbench.planning import plan
from bnbench.planning.plan import Plan
from bnbench.results.variant_config import VariantConfigs
from support.examples import facts, values
from support.paths import CONFIGS

SHAPE, PAGE = (5,), (8, 8)


def network(of: Plan, variant: str, shape: tuple[int | None, ...] | None) -> Network:
    layers = next(cohort.program.layers for cohort in of.cohorts if cohort.variant == variant)
    return Network(shape, layers, "float32", {})


def tiny(**changes: Any) -> Plan:
    return plan.make_plan(check_config(values(**changes), "tiny.yaml"), lambda settings: facts(), "tiny.yaml")


def write(folder: Path, variants: dict[str, Any], **changes: Any) -> Path:
    for name in ("plain", "batchnorm"):
        (folder / f"{name}.json").write_text(write_network(network(tiny(), name, SHAPE)))
    settings = {key: value for key, value in values(variants=variants, **changes).items() if key != "model"}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


BOTH = {"plain": {"network": "plain.json"}, "batchnorm": {"network": "batchnorm.json"}}


def prepare(path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(sweep.access, "dataset_info", lambda settings, places, download: facts())
    return sweep.prepare_plan(path, {}, find_places(path, DataDirs(cache_dir=path.parent)))


def ids(of: Plan) -> list[str]:
    return [trial.id for trial in of.trials]


def test_a_network_has_the_ids_of_the_same_list_of_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(prepare(write(tmp_path, BOTH), monkeypatch)) == ids(tiny())


def test_quickstart_as_networks_has_the_ids_of_quickstart() -> None:
    digits = facts(PAGE, rows=1797, classes=10)
    experiment = load_config(CONFIGS / "quickstart.yaml")
    listed = plan.make_plan(experiment, lambda settings: digits, "here")
    networks = {name: network(listed, name, PAGE) for name in experiment.variants}
    settings = {key: value for key, value in experiment.dump().items() if key != "model"}
    settings["variants"] = {name: {"network": f"{name}.json"} for name in networks}
    made = plan.make_plan(check_config(settings, "here"), lambda settings: digits, "here", networks)
    assert ids(made) == ids(listed)


def test_a_variant_with_a_list_of_layers_may_be_next_to_one_with_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, {"plain": {"network": "plain.json"}, "batchnorm": {"norm": {"batch": {"momentum": 0.9}}}})
    settings = yaml.safe_load(path.read_text()) | {"model": values()["model"]}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    assert ids(prepare(path, monkeypatch)) == ids(tiny())


def test_what_is_recorded_names_the_files_of_the_results_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepare(write(tmp_path, BOTH), monkeypatch)
    recorded = yaml.safe_load(made.experiment.to_yaml())
    assert recorded["variants"]["batchnorm"] == {"network": "model-batchnorm.json", "train": {}}
    assert "model" not in recorded
    assert check_config(recorded, "config.yaml") == made.experiment


def test_results_read_the_recorded_network_without_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = prepare(write(tmp_path, BOTH), monkeypatch)
    assert VariantConfigs(made.experiment, tmp_path).read("plain", {}) is None
    text = write_network(made.networks["batchnorm"])
    (tmp_path / "model-batchnorm.json").write_text(text)
    config = VariantConfigs(made.experiment, tmp_path).read("batchnorm", {})
    assert config
    assert [layer.name for layer in config.layers] == ["dense_0", "norm_0", "activation_0", "dense_1"]
    # A link may lead out of the folder.
    (tmp_path / "model-plain.json").symlink_to(tmp_path / "model-batchnorm.json")
    assert VariantConfigs(made.experiment, tmp_path).read("plain", {}) is None


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ({"a": {"network": "plan.json"}}, r"own\.yaml:\d+:14: variants\.a\.network: no 'plan\.json' in .*plain\.json"),
        ({"a": {"network": "out.json"}}, r"variants\.a\.network: .*out\.json is a link that leaves"),
        ({"a": {"network": "."}}, r"\.: not a file"),
        ({"a": {"network": "../a.json"}}, r"own\.yaml:\d+:14: variants\.a\.network: '\.\./a\.json' leaves the folder"),
        (
            {"a": {"network": "plain.json", "norm": "batch"}},
            r"own\.yaml:\d+:11: variants\.a\.norm: the network has all layers: leave this key out",
        ),
        ({"a": {"network": "plain.json"}, "b": {}}, r"own\.yaml:.*model: missing: b needs it, or a network"),
        ({"a": {"network": "long.json"}}, r"takes rows of shape \(7,\), and the data have rows of shape \(5,\)"),
    ],
)
def test_mistakes_have_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variants: dict[str, Any], message: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    path = write(folder, variants)
    (tmp_path / "elsewhere.json").write_text("{}")
    (folder / "out.json").symlink_to(tmp_path / "elsewhere.json")
    (folder / "long.json").write_text(write_network(network(tiny(), "plain", (7,))))
    with pytest.raises(ConfigError, match=message):
        prepare(path, monkeypatch)


def test_a_model_that_no_variant_uses_is_refused() -> None:
    with pytest.raises(ConfigError, match="model: no variant uses it, because each has a network: leave it out"):
        check_config(values(variants=BOTH), "tiny.yaml")


def test_an_axis_of_a_missing_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, BOTH, sweep__grid={"model.params.units": [4, 6]})
    with pytest.raises(ConfigError, match=r"sweep\.grid\.model\.params\.units: every variant has a network"):
        prepare(path, monkeypatch)


def test_a_network_in_float64_needs_the_training_in_float64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, {"plain": {"network": "double.json"}})
    double = Network(SHAPE, network(tiny(), "plain", SHAPE).layers, "float64", {})
    (tmp_path / "double.json").write_text(write_network(double))
    with pytest.raises(ConfigError, match=r"computes in float64, and train\.dtype is float32"):
        prepare(path, monkeypatch)


def test_validate_reads_networks_and_goes_on_after_a_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": {"network": "plan.json"}, "b": {"network": "broken.json"}, "c": {"norm": "batchh"}})
    (tmp_path / "broken.json").write_text(json.dumps({"class_name": "Sequential"}))
    settings = yaml.safe_load(path.read_text()) | {"model": values()["model"]}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    missing, broken, norm = validate_file(path).mistakes
    assert "variants.a.network: no 'plan.json' in" in missing
    assert broken.startswith("broken.json: is no Keras model")
    assert "'batchh' is not one of" in norm


def test_the_place_of_a_layer_is_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = prepare(write(tmp_path, BOTH), monkeypatch).networks["plain"].layers[0]
    assert layer.where == Location("plain.json", ("dense_0",))
