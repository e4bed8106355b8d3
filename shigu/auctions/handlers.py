"""Doors that auctions open: for payments, for lines, for the clock, for the audit."""
