"""What each command does, as a Python function. The public API and the command line call these functions.

A command that is one call of another room has no module here. May import every room but `cli`.
"""
