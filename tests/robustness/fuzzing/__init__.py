"""Coverage-guided fuzzing of whatever reads a file of somebody else's: `python -m fuzz [TARGET...] --seconds N`."""
