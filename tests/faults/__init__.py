"""What may die, and what must be there afterwards. Not part of `make test`: these take minutes
and want the machine to themselves. Each is a program: `python -m tests.faults.<name>`."""
