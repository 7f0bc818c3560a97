"""Benchmarks, each with its peer in the same run. `./run bench [name …]`; figures go to RESULTS.md."""
