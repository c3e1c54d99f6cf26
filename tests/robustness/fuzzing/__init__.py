"""Coverage-guided fuzzing of every reader of files: `python -m robustness.fuzzing [TARGET...] --seconds N`."""
