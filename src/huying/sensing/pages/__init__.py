"""Pages of sensing: stations, rules, quarantine."""
