"""One file for each data set: where it comes from, and how its files are parsed.

To add a data set, add a file here that exposes DATASETS, a tuple of DatasetSpec.
"""
