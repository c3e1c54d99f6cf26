"""Long tests: kills, damage, bad input and load, in numbers for which the test suite has no time."""
