"""Pages of this room: residents, grid workers, desks, auditors."""
