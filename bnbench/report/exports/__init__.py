"""Results -> files of other tools: one module a format, each with a function `export(results, folder)`.

`FORMATS` in `bnbench/commands/export.py` lists the formats. The libraries of those tools are optional parts of bnbench:
import them inside functions.
"""
