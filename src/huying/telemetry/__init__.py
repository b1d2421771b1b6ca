"""What is seen from outside: metrics, traces, and the id that ties log lines together."""
