"""The durable record: `trials.db`, its integrity and repair, and the files of a results folder.

This is the only room that knows the layout of a results folder. It imports `planning` and the rooms below it.
"""
