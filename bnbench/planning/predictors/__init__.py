"""Predictors of the edge: what a few short trainings say about the highest learning rate that trains.

One file each, with a record `PREDICTOR`. A predictor sees a training only through `types.ShortTraining`, so this room
needs no Keras.
"""
