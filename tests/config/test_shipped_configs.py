"""The experiments that come with bnbench can be read and planned; `make smoke` trains them."""

from pathlib import Path

import pytest

from bnbench.config import smoke
from bnbench.config.load import load_config
from bnbench.config.schema import Data, Experiment
from bnbench.data.types import DatasetInfo
from bnbench.planning import plan
from bnbench.planning.credit import expand_credit
from bnbench.planning.plan import Plan
from support.known_data import KNOWN
from support.paths import ROOT

CONFIGS = sorted((ROOT / "configs").glob("**/*.yaml"))
SHORT = [path for path in CONFIGS if path.stem.endswith("-short")]
each = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)


def facts(settings: Data) -> DatasetInfo:
    """Return the published description of a data set, without its files."""
    known = KNOWN[settings.name]
    dtype = "uint8" if len(known.shape) == 3 and settings.name != "digits" else "float32"
    classes = tuple(settings.classes or (f"class {i}" for i in range(len(known.counts))))
    rows = (known.rows, known.test_rows, known.repeated)
    # As the real one, it depends on the classes.
    fingerprint = known.fingerprint + "".join(settings.classes or ())
    return DatasetInfo(settings.name, "made up", fingerprint, known.shape, dtype, classes, *rows)


def planned(experiment: Experiment) -> Plan:
    return plan.make_plan(experiment, facts, experiment.name)


@each
def test_a_config_and_its_smoke_run_can_be_planned(path: Path) -> None:
    experiment = expand_credit(load_config(path), path.name)[0]
    assert planned(experiment).trials
    assert len(planned(smoke.cut_to_smoke(experiment)).trials) <= 3 * len(experiment.variants)


@each
def test_a_config_has_the_name_of_its_file_and_a_title(path: Path) -> None:
    experiment = load_config(path)
    assert experiment.name == path.stem
    assert experiment.title.strip()
    # The schema for editors; then the source, and our choices where it says nothing.
    assert all(line.startswith("# ") for line in path.read_text(encoding="utf-8").splitlines()[:2])


def test_no_two_share_a_name() -> None:
    # Each experiment has a folder in results/.
    assert len({path.stem for path in CONFIGS}) == len(CONFIGS)


@each
def test_each_statement_says_whose_it_is(path: Path) -> None:
    experiment = load_config(path)
    for one in (*experiment.claims, *experiment.published):
        assert one.basis, one
        assert one.basis == "ours" or (one.source or "").strip(), one


@each
def test_claims_name_their_source_and_are_unique(path: Path) -> None:
    experiment = load_config(path)
    assert all(row.source.strip() for row in experiment.published)
    assert all(claim.text.strip() for claim in experiment.claims)
    for statements in (experiment.published, experiment.claims):
        assert all(one not in statements[:i] for i, one in enumerate(statements))


@pytest.mark.parametrize("path", [path for path in CONFIGS if path not in SHORT], ids=lambda path: path.stem)
def test_the_reference_lists_it(path: Path) -> None:
    assert f"`{path.stem}`" in (ROOT / "docs" / "reference" / "shipped-experiments.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.parent.name == "claims"], ids=lambda path: path.stem)
def test_advantages_are_judged_over_seeds_and_against_warm_up(path: Path) -> None:
    experiment = load_config(path)
    adaptive = experiment.sweep.adaptive
    most = adaptive.seeds.at_most if adaptive else len(experiment.sweep.seed_list())
    assert most >= 5
    assert experiment.variants["warmup"].norm.name == "none"
    assert {"warmup", None} <= {claim.over for claim in experiment.claims}
    # Claims are made at the best and at equal learning rates; how much scores vary at an equal rate needs a grid.
    at_best = {claim.at == "best" for claim in experiment.claims}
    assert at_best == {True, False} or path.stem == "initialisation-adaptive"


@each
def test_comments_are_not_wider_than_the_code(path: Path) -> None:
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 120


@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.stem)
def test_a_short_form_only_leaves_values_out(path: Path) -> None:
    short, full = load_config(path), load_config(path.with_name(path.name.replace("-short", "")))
    assert "cut" in short.title
    assert short.data.model_copy(update={"limit": full.data.limit}) == full.data
    assert short.data.limit == full.data.limit or "images" in short.title
    assert short.model.layers == full.model.layers
    assert all(full.variants[name] == variant for name, variant in short.variants.items())
    assert short.variants == full.variants or "cut to plain" in short.title
    assert short.train.model_copy(update={"epochs": full.train.epochs}) == full.train
    assert short.train.epochs <= full.train.epochs
    assert set(short.sweep.rates()) <= set(full.sweep.rates())
    assert set(short.sweep.seed_list()) <= set(full.sweep.seed_list())
    assert all(set(values) <= set(full.sweep.grid[axis]) for axis, values in short.sweep.grid.items())
    assert all(row in full.published for row in short.published)
    assert all(claim in full.claims for claim in short.claims)
    assert len(planned(short).trials) * short.train.epochs < len(planned(full).trials) * full.train.epochs
