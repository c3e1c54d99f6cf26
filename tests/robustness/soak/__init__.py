"""What takes long to prove: kills, damage, bad input and load in numbers that a test suite has no time for."""
