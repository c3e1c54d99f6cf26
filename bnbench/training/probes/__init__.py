"""What a trial measures in its network besides loss and accuracy: one file for each probe, found by `registry`.

A file of a probe has a `PROBE`, a record of `types.Probe`. Nothing else needs to change: its values are stored in the
table `measurements`, and `Results.measurements` returns them.
"""
