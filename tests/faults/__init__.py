"""What may break, and what must be there afterwards: `make test-faults`, an operator's nightly.

Not part of `make test`: these take minutes and want the machine to themselves. Each fault is a
module with `run(county) -> Outcome` and happens to the real processes of a small county under
load. `python -m tests.faults` runs all of them, with names those alone.
"""
