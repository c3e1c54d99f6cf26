"""Data sets: finding, downloading, parsing, checking, caching and splitting them.

`access` has what other rooms call. `formats` reads files, `datasets` holds a file for each set. Imports `config` and
`errors`.
"""
