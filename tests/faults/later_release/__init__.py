"""A release after this one, made up: one more migration, which takes its time."""
