"""Money from and to the outside: attempts, notices from providers, refunds.

It knows no order. What a payment was for is asked through `payments.purposes`.
"""
