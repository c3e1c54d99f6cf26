import base64

import pytest

from support.fuzz_targets import Target, targets

TARGETS = targets()
# What has broken a reader.
NAMELESS = (
    "UEsDBBQAAAAAAAAAIQC379yDAQAAAAEAAAAAAAAAMVBLAQIUAxQAAAAAAAAAIQC379yDAQAAAAEAAAAAAAAAAAAAAAAAAACAAQAAAABQSwUG"
    "AAAAAAEAAQAuAAAAHwAAAAAA"
)
FOUND = [("override", "ZAAAAAAAAAAAAAAAAAAAYXQuZd09PWxlbGXhZg=="), ("zip", NAMELESS), ("facts", "Mg==")]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_every_target_takes_what_it_begins_from(target: Target) -> None:
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        target.put(seed)
    target.read(seeds[0])  # the first of them is good


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_what_was_found_breaks_nothing_any_more(name: str, content: str) -> None:
    TARGETS[name].put(base64.b64decode(content))
