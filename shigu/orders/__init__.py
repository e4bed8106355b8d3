"""The cart and the order's life: place, pay, expire, cancel, restore, ship, refund."""
