"""The command line (click): each module parses options, calls one function and prints what it returns."""
