"""`python -m bnbench`."""

from bnbench.cli.main import main

if __name__ == "__main__":
    main(prog_name="bnbench")
