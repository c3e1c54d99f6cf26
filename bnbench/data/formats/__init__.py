"""Readers of file formats: each is strict, and reads a limited number of bytes."""
