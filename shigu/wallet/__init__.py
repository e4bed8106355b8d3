"""A buyer's balance: topped up through a provider, and what it paid."""
