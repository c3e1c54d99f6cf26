"""Fuzz one target in this process, which ends with it: `python -m fuzz.one TARGET [option of libFuzzer...]`."""

import logging
import sys

import atheris

with atheris.instrument_imports(include=["bnbench", "yaml"]):
    from fuzz.targets import targets

logging.disable()  # damaged caches are told, thousands a second
target = targets()[sys.argv.pop(1)]
atheris.Setup(sys.argv, target.put)
atheris.Fuzz()
