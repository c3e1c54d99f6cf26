"""The metrics that claims and published figures may name."""

OF_ONE_RATE = (  # a trial has one
    "validation_accuracy", "test_accuracy", "train_accuracy", "validation_r2", "test_r2", "train_r2",
    "validation_loss", "test_loss", "train_loss",
    "epochs_to_target", "steps_to_target", "seconds_to_target", "aulc", "overfitting_onset", "overfitting_rise",
    "accuracy_roughness", "loss_roughness", "pre_activation_drift", "accuracy_gap", "loss_gap", "gradient_growth",
    "ok",
)  # fmt: skip
OVER_RATES = (  # the trials of one seed at all rates have one together
    "best_rate", "max_stable_rate", "stable_width", "lr_sensitivity", "lr_sensitivity_centred", "accuracy_regret",
    "seconds_per_step",
)  # fmt: skip
METRICS = (*OF_ONE_RATE, *OVER_RATES)
RATES = ("best_rate", "max_stable_rate")  # known to one step of the grid, which is a factor
TARGETED = ("epochs_to_target", "steps_to_target", "seconds_to_target")
RANGED = tuple(metric for metric in OF_ONE_RATE if metric not in (*TARGETED, "ok"))  # have a range over an axis
