"""Finds the missing trials, runs them, and stores each result.

`sweep.run_sweep` runs an experiment, `protocols.Executor` is the interface of an executor, and
`executors.EXECUTORS` lists the executors.

Imports `training` only inside the process that trains; never `results` or `report`.
"""
