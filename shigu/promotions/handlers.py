"""Doors that promotions open: their promises, for the audit."""
