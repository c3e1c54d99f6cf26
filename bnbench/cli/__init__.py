"""The command line (click): each module parses the options of a command, calls one function and prints the result.

`main.py` lists the commands and loads the module of a command when it is called. May import every other room.
"""
