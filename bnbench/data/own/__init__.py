"""The user's own data: tables, arrays and folders of images, as experiment files name them.

`find.py` is what `access` calls. `readers/` has one file for each kind of data. Nothing is guessed, downloaded or
executed, everything is bounded, and no path leaves the folder of the experiment file or `--data-dir`.
"""
