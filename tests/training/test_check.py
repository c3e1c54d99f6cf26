"""Each kind of mistake that only Keras notices is an error before training, with the key of the part that causes it."""
