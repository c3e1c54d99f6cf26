"""Tables of the values that the arguments of Keras classes may hold."""
