"""The clock's own tests."""
