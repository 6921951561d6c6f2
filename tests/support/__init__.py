"""Real servers, real clients and Rekey itself for tests, the demo and the benchmarks. Standard library only."""
