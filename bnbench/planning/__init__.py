"""Turns an experiment into a plan: trials with ids, programs to compile, the time and memory that they need.

Resolves the names in a config: data set, norms and Keras classes. Imports `data`, `config`, `model` and `analysis`.
"""
