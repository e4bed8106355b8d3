"""Shigu (市鼓): a shop for everything sold against a clock.

What is held for a buyer who does not pay in time comes back, exactly once, on time.
The floor plan is `docs/map.md`; imports go downward only, and import-linter holds that.
"""
