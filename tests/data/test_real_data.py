"""Tests of the published data sets, if `BNBENCH_DATA` names a folder that has them."""

import hashlib

import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.splits import split_rows, split_sizes
from bnbench.data.types import DataDirs, Dataset
from support.known_data import KNOWN


def load(name: str, places: DataDirs) -> Dataset:
    return access.load_dataset(Data(name=name), places)


@pytest.mark.parametrize("name", access.dataset_names())
def test_each_data_set_has_the_published_content(name: str, places: DataDirs) -> None:
    known, dataset = KNOWN[name], load(name, places)
    facts = dataset.facts
    assert facts.fingerprint == known.fingerprint
    assert (facts.shape, facts.rows, facts.test_rows) == (known.shape, known.rows, known.test_rows)
    assert facts.repeated_rows == dataset.repeated.sum() == known.repeated
    pool = facts.rows - facts.test_rows
    assert (tuple(np.bincount(dataset.y[:pool]).tolist()) if facts.classes else ()) == known.counts
    assert not dataset.repeated[pool:].any()
    assert access.dataset_info(Data(name=name), places) == facts


@pytest.mark.parametrize("name", access.dataset_names())
def test_each_data_set_is_split_exactly(name: str, places: DataDirs) -> None:
    settings, dataset = Data(name=name), load(name, places)
    sizes = split_sizes(settings, dataset.facts, "here")
    parts = split_rows(dataset, settings, sizes, seed=0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (sizes.train, sizes.validation, sizes.test)
    all_rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert len(np.unique(all_rows)) == len(all_rows) == dataset.facts.rows - dataset.facts.repeated_rows


def test_leaf_is_split_equally_in_every_species(places: DataDirs) -> None:
    dataset = load("leaf", places)
    parts = split_rows(dataset, Data(name="leaf"), split_sizes(Data(name="leaf"), dataset.facts, "here"), seed=1)
    for part, each in ((parts.train, 7), (parts.validation, 1), (parts.test, 2)):
        assert set(np.bincount(dataset.y[part]).tolist()) == {each}


@pytest.mark.parametrize("name", ["letter", "notmnist"])
def test_no_values_are_in_two_parts(name: str, places: DataDirs) -> None:
    dataset = load(name, places)
    settings = Data(name=name)
    parts = split_rows(dataset, settings, split_sizes(settings, dataset.facts, "here"), seed=0)
    train, validation, test = (
        {dataset.x[row].tobytes() for row in part} for part in (parts.train, parts.validation, parts.test)
    )
    assert not train & validation
    assert not train & test
    assert not validation & test


@pytest.mark.parametrize("name", ["letter", "notmnist"])
def test_equal_values_never_have_two_labels(name: str, places: DataDirs) -> None:
    dataset = load(name, places)
    label: dict[bytes, int] = {}
    for row, y in zip(dataset.x, dataset.y.tolist(), strict=True):
        assert label.setdefault(row.tobytes(), y) == y


def test_letter_has_the_known_duplicates(places: DataDirs) -> None:
    dataset = load("letter", places)
    assert len(dataset.x) - len({row.tobytes() for row in dataset.x}) == 1_332
    # 83 of them are test rows that equal another test row; they stay.
    test = {row.tobytes() for row in dataset.x[16_000:]}
    assert 4_000 - len(test) == 83
    assert sum(row.tobytes() in test for row in dataset.x[:16_000]) == 580


def test_notmnist_has_its_blank_glyphs_in_one_class(places: DataDirs) -> None:
    dataset = load("notmnist", places)
    blank = [i for i, glyph in enumerate(dataset.x) if glyph.min() == glyph.max()]
    assert len(blank) == 141
    assert {dataset.facts.classes[dataset.y[i]] for i in blank} == {"I"}


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_images_are_in_the_published_order(name: str, places: DataDirs) -> None:
    dataset = load(name, places)
    assert dataset.y[:5].tolist() == {"mnist": [5, 0, 4, 1, 9], "fashion_mnist": [9, 0, 0, 3, 0]}[name]
    assert dataset.y[60_000:60_005].tolist() == {"mnist": [7, 2, 1, 0, 4], "fashion_mnist": [9, 2, 1, 1, 6]}[name]
    header = bytes.fromhex("00000803" + "00002710" + "0000001c" * 2)
    content = header + dataset.x[60_000:].tobytes()
    wanted = {
        "mnist": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "fashion_mnist": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    }[name]
    assert hashlib.sha256(content).hexdigest() == wanted


def test_cifar10_rows_pack_back_into_the_published_bytes(places: DataDirs) -> None:
    dataset = load("cifar10", places)
    assert dataset.facts.classes[:4] == ("airplane", "automobile", "bird", "cat")
    planes = dataset.x[50_000:].transpose(0, 3, 1, 2).reshape(10_000, -1)
    packed = np.concatenate([dataset.y[50_000:, np.newaxis].astype(np.uint8), planes], axis=1)
    digest = hashlib.sha256(packed.tobytes()).hexdigest()
    assert digest == "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"


@pytest.mark.parametrize("name", ["leaf", "letter", "notmnist"])
def test_verify_accepts_the_published_files(name: str, places: DataDirs) -> None:
    assert access.verify_dataset(name, places) == access.dataset_info(Data(name=name), places)
