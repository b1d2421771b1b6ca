"""Pure rules of notices: words, parameters, timing, and the cursor of the live stream."""
