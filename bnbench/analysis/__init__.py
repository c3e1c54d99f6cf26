"""Tables in, tables out: outcomes of trials, metrics over learning rates, intervals, symptoms.

Knows no file, no config and no Keras. Declares the columns of every table (`columns`) and the metrics there are
(`registry`). Imports nothing of bnbench but `errors`.
"""
