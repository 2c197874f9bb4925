"""The benchmarks: what the chassis and its resources cost, next to bare Flask and to other frameworks."""
