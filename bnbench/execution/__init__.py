"""Plan minus store -> executor -> store: which trials are missing, where they run and how their results are stored.

`sweep.run_sweep` runs an experiment, `protocols.Executor` is what it needs of an executor, and
`executors.EXECUTORS` lists the executors.

Imports `training` only inside the process that trains; never `results` or `report`.
"""
