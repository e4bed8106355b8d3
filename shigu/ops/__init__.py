"""The operators' floor: back office, audit, seed, and the commands that run a shop."""
