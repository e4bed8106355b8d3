"""A shop to look at: catalogue, people and orders in every state, each made the way a person would.

`run.seed()` does all of it and adds nothing the second time; `bulk.fill()` adds orders by the
hundred thousand for looking at pages and benchmarks under load.
"""
