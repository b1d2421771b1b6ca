"""Pure logic of sensing: readings, units, refusals, hours, alert rules."""
