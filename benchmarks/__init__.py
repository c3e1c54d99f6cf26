"""bnbench side by side with the other ways to train the same networks: `make bench`."""
