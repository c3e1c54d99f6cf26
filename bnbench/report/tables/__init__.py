"""The tables of a report: what they are, how they are laid out, and a file for each subject."""
