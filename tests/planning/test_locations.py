"""Every mistake is reported at the place that sets the value: the file, an override, an axis or a variant."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bnbench.config.load import load_config
from bnbench.config.overrides import parse_overrides
from bnbench.errors import ConfigError
from bnbench.location import config_location
from bnbench.planning.plan import Plan, make_plan
from support.examples import facts, values


def planned(path: Path, *texts: str, **changes: Any) -> Plan:
    path.write_text(yaml.safe_dump(values(**changes), sort_keys=False), encoding="utf-8")
    overrides = parse_overrides(texts)
    return make_plan(load_config(path, overrides), lambda settings: facts(), config_location("tiny.yaml", overrides))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Found while the file is read.
        ("train.epoch=5", "-o train.epoch=5: unknown key (did you mean 'epochs'?)"),
        ("train.epochs=0", "-o train.epochs=0: found 0, wanted at least 1"),
        ("train.epochs.x=1", "-o train.epochs.x=1: 'epochs' holds a number, so it has no key 'x'"),
        ("train.epochs=[", "-o train.epochs=[: not YAML"),
        ("train.optimizer.momentum=.inf", "-o train.optimizer.momentum=Infinity: found inf, wanted a finite number"),
        ("sweep.seeds=[]", "-o sweep.seeds=[]: found no value, wanted at least one"),
        ("baseline=plan", "-o baseline=plan: 'plan' is not one of plain, batchnorm (did you mean 'plain'?)"),
        # Found while the plan is made.
        ("data.name=leaff", "-o data.name=leaff: 'leaff' is not one of bag_of_words"),
        ("variants.plain.norm=batchh", "-o variants.plain.norm=batchh: 'batchh' is not one of none, batch, layer"),
        ("train.optimizer=sdg", "-o train.optimizer=sdg: 'sdg' is no optimizer of Keras (did you mean 'sgd'?)"),
        ("train.optimizer.momentun=1", "-o train.optimizer.momentun=1: SGD has no such argument"),
        ("train.batch_size=4000", "-o train.batch_size=4000: a batch of 4000 is larger than the 45 training rows"),
        ("data.split.test=0.9", "68 test of 75 rows (with -o data.split.test=0.9)"),
        ("model.params.width=3", "-o model.params.width=3: never used"),
        ("model.params.units=0", "(with -o model.params.units=0)"),
        ("model.layers=[norm, {dens: 3}]", '-o model.layers=["norm", {"dens": 3}]: [1]: \'dens\' is no layer of Keras'),
        ("variants.plain.train={epoch: 1}", '-o variants.plain.train={"epoch": 1}: epoch: unknown key'),
        ("sweep.grid={train.epochs: [0]}", '-o sweep.grid={"train.epochs": [0]}: train.epochs[0]: found 0'),
    ],
)
def test_a_wrong_override_is_named_and_not_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(tmp_path / "tiny.yaml", text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(message[:3]) or "(with -o" in message


def test_a_mistake_in_the_file_is_not_blamed_on_an_override_next_to_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^/.*tiny.yaml:\d+:3: sweep.seeds: found 1 twice: remove one$"):
        planned(tmp_path / "tiny.yaml", "sweep.grid={}", sweep__seeds=[1, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweep__grid": {"train.batch_size": [4, 4000]}}, "tiny.yaml: sweep.grid.train.batch_size[1]: a batch of"),
        ({"sweep__grid": {"data.name": ["leaff"]}}, "tiny.yaml: sweep.grid.data.name[0]: 'leaff' is not one of"),
        ({"sweep__grid": {"model.params.units": [4, 0]}}, "(with tiny.yaml: sweep.grid.model.params.units[1])"),
        ({"variants__plain__train": {"batch_size": 4000}}, "tiny.yaml: variants.plain.train.batch_size: a batch of"),
        ({"variants__plain__train": {"optimizer": "sdg"}}, "tiny.yaml: variants.plain.train.optimizer: 'sdg' is no"),
        ({"variants__plain__layers": [{"dens": 3}]}, "tiny.yaml: variants.plain.layers[0]: 'dens' is no layer"),
    ],
    ids=str,
)
def test_a_wrong_value_of_an_axis_or_a_variant_is_found_where_it_is_set(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(tmp_path / "tiny.yaml", **changes)
    assert message in str(caught.value)
