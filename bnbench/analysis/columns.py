"""The columns of the tables that several modules name."""

PERCENTILES = (15, 50, 85)  # of pre-activations (Ioffe and Szegedy 2015, figure 1)
PRE_ACTIVATIONS = tuple(f"pre_activation_p{percent}" for percent in PERCENTILES)  # columns of a history
