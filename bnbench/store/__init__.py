"""The durable record: `trials.db`, its integrity and repair, and the files of a results folder.

The only room that knows the layout of a results folder. Imports `planning` and what is below it.
"""
