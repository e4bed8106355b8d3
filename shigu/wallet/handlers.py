"""Doors that the wallet opens: what a top-up's money does."""
