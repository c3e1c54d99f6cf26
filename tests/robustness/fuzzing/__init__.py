"""Fuzzing: of every reader of files, guided by coverage, and of whole experiments, made by a grammar.

`python -m robustness.fuzzing [TARGET...] --seconds N` runs both kinds.
"""
