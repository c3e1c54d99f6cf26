"""Keras described as data, without importing it: its public classes, their arguments, layers and shapes.

`planning` uses it to check a model before anything is trained, `training` to build it. Imports `location` and `errors`.
"""
