"""Pure rules of the directory: masks, lock-out, shapes on the map, duty."""
