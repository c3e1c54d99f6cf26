"""Plan minus store -> executor -> store: which trials are left, where they run and how results come back.

Imports `training` only inside the process that trains; never `results` or `report`.
"""
