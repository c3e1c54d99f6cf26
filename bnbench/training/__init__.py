"""The only room that imports Keras and TensorFlow: it builds a model, compiles its program and trains its trials.

It imports `store`, which knows where a model is saved, and the rooms below it; never `results` or `report`.
"""
