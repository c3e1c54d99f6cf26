"""A results folder as tables and verdicts: `Results`, claims, published values, diagnoses, comparisons.

Imports `store` and what is below it; never `training` or `execution`.
"""
