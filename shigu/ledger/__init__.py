"""Credits and balances: accounts, and the transfers between them, append-only."""
