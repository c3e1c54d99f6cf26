"""One file for each kind of own data.

To add a kind, add its key to `config/own_data.py`, and a file here that exposes READER, an OwnReader.
"""
