"""Coupons: issued in numbers, granted to buyers, held by orders."""
