"""Figures measured beside their references; see docs/performance.md."""
