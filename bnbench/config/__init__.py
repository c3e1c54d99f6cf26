"""Reads an experiment file (YAML) into a checked, frozen `Experiment`, with a clear message for every mistake.

Knows no name of Keras, of a norm or of a data set. `planning` resolves those, so that a stored config can be read
whatever is installed. Imports `analysis` (the metrics that claims name), `location` and `errors`.
"""
