"""Writing the fictional county into a real database, through the rooms' own actions."""
