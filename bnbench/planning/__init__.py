"""Experiment -> Plan: its trials with their ids, the programs to compile, how long they take and what they need.

Resolves the names of Keras that a config gives. Imports `data`, `config`, `model` and `analysis`.
"""
