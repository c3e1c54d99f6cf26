"""What `benchmarks/start.py` puts on the path of the processes that it measures."""
