"""What the shop's owner wants to know of a month: one row for each, counted from what never changes."""
