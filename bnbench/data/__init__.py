"""Finds, downloads, parses, checks, caches and splits data sets.

Other rooms call `access` and `splits`. `formats` reads files, and `datasets` has one file for each data set. Imports
`config`, `location` and `errors`.
"""
