"""One peer in a separate process: `python -m benchmarks.peer PEER NETWORK`.

It prepares both variants, reports how long that took, and then trains the steps of a variant on each request.
"""

import importlib
import json
import sys
import time

from benchmarks.networks import VARIANTS
from benchmarks.peers import PEERS


def main() -> None:
    """Answer each line of stdin, a variant, with a line of JSON: the seconds per step."""
    peer, network = sys.argv[1:]
    began = time.perf_counter()
    module = importlib.import_module(f"benchmarks.peers.{PEERS[peer][0]}")
    runs = {variant: module.prepare(network, variant) for variant in VARIANTS}
    print(json.dumps(time.perf_counter() - began), flush=True)
    for line in sys.stdin:
        print(json.dumps(runs[line.strip()]()), flush=True)


if __name__ == "__main__":
    main()
