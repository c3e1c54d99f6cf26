"""Results -> files that people read: the headline, tables, figures, report.html and report.md.

Imports `results` and what is below it; never `training` or `execution`.
"""
