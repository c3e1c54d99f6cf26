"""What `bnbench init` infers from a file or folder, once: the keys of `data`, and the reason for each of them.

`infer.py` is what the command calls. A run infers nothing: what is found here is written into the experiment file, from
which the strict readers take it.
"""
