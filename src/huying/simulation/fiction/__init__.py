"""The fictional county, as pure values: no Django, no tables, only a seed."""
