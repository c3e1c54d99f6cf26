"""What each command does, as a Python function; the public API and the command line stand on these.

Imports every room but `cli`.
"""
