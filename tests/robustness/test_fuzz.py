import base64

import pytest

from support.fuzz_targets import Target, targets

TARGETS = targets()
# Inputs that once broke a reader.
NAMELESS = (
    "UEsDBBQAAAAAAAAAIQC379yDAQAAAAEAAAAAAAAAMVBLAQIUAxQAAAAAAAAAIQC379yDAQAAAAEAAAAAAAAAAAAAAAAAAACAAQAAAABQSwUG"
    "AAAAAAEAAQAuAAAAHwAAAAAA"
)
FOUND = [("override", "ZAAAAAAAAAAAAAAAAAAAYXQuZd09PWxlbGXhZg=="), ("zip", NAMELESS), ("facts", "Mg==")]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_every_target_accepts_its_seeds(target: Target) -> None:
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        target.put(seed)
    # The first seed is valid.
    target.read(seeds[0])


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_inputs_that_once_broke_a_reader_are_handled(name: str, content: str) -> None:
    TARGETS[name].put(base64.b64decode(content))
