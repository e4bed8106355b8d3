"""The buyer's own balance as a way to pay; see `adapter.Balance` and `payments.paying`."""
