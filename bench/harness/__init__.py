"""What the benchmarks share: an installation of their own, a client, what processes cost, and tables."""
