"""Nouns that know nothing of shops: money, ids, the registry device, pages of rows."""
