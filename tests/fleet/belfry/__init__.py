"""An extension of the shop, as somebody else would write it: a Django app with kinds and tasks."""
