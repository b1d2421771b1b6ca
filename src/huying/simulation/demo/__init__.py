"""One evening in the demonstration county, told as it happens."""

from huying.simulation.demo.evening import Child, run

__all__ = ["Child", "run"]
