"""Sessions and lots that time opens and closes, bids, deposits, and the orders that come of them."""
