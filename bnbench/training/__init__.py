"""The only room that imports Keras and TensorFlow: it builds a model, compiles its program and trains its trials.

Imports `store` (where a model is saved) and what is below it; never `results` or `report`.
"""
