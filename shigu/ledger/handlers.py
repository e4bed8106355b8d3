"""Doors that the ledger opens: its promises, for the audit."""
