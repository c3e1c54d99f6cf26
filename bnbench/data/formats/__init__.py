"""Readers of file formats, each strict and within bounds."""
