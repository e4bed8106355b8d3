"""The clock's commands."""
