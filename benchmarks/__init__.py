"""Comparison of bnbench with other ways to train the same networks: `make bench`."""
