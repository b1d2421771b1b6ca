"""Public standards as pure functions: one standard a file, no Django, no tables."""
