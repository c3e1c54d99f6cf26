"""Fuzz one target in this process, which ends with it; further arguments are options of libFuzzer."""

import logging
import sys

import atheris

with atheris.instrument_imports(include=["bnbench", "yaml"]):
    from support.fuzz_targets import targets

# Damaged caches log thousands of warnings per second.
logging.disable()
target = targets()[sys.argv.pop(1)]
atheris.Setup(sys.argv, target.put)
atheris.Fuzz()
