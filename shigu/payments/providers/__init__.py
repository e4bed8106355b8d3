"""One folder for each payment provider; nothing outside knows what is inside.

How to add one, `wechat` for example:

1.  A folder `wechat/` with a class that fits `payments.provider.Provider`. It speaks to the outside, reads
    what comes back, and decides nothing: no row is written here.
2.  Every word from outside is verified before it is read; junk raises `Unverified`, silence and
    nonsense are `UNKNOWN`. Amounts become fen, times become UTC, at the door.
3.  Requests have a time-out for the whole, follow no redirect, use no proxy of the environment, log no
    parameter. A refund carries its `request_no`, so that sending it twice sends it once.
4.  Keys from files or the environment, read in one place; a system check refuses production without.
5.  Register it in `payments/handlers.py`, and its code in `provider.providers`.
6.  Its notify and return addresses exist already: `pay/notify/wechat/` and `pay/return/wechat/`.
7.  Tests beside `tests/payments/alipay/`: signatures, junk, each answer; and the fault table
    (`tests/payments/test_faults.py`) against something that speaks like it over HTTP.
"""
