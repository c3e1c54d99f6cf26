"""When a loss has blown up, and the names of what is stored about the failure of a trial that has diverged.

All positions are numbers of steps, counted from 1 as in `diverged_at_step`. The values of a step are those of its
mini-batch before its update.
"""

# A loss has blown up if it is more than BLOWN times the one before (Bjorck et al. 2018, section 3).
BLOWN = 1000.0
# The training loss of the last steps, for the whole model.
LOSS = "failure_loss"
# For each layer with weights: the norm of the gradient, and the norm of the update over that of the weights.
GRADIENT_NORM, UPDATE_RATIO = "failure_gradient_norm", "failure_update_ratio"
# For each hidden layer whose activation can saturate: the share of units that are saturated on the whole mini-batch.
DEAD_SHARE = "failure_dead_share"
# What may be the first tensor with values that are not finite. The name of the measurement ends with one of these, the
# layer is that of the tensor, the position is the step, the value says how many values are not finite.
OUTPUT, TRAINING_LOSS, GRADIENT, WEIGHT = "output", "loss", "gradient", "weight"
KINDS = (WEIGHT, OUTPUT, TRAINING_LOSS, GRADIENT)
FIRST_NONFINITE = "first_nonfinite_"
