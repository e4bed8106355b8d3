"""A faithful Alipay gateway on your own machine: no internet, no account, no money.

It speaks what the real one speaks and nothing else: HTTP, RSA2 signatures, signed returns and notifies.
Start it with `python -m alipay_simulator --data DIR`; drive it from a test with
`alipay_simulator.control.Simulator`. It knows nothing of any shop, and a shop needs to know
nothing of it but a gateway address and two keys.
"""

from __future__ import annotations

__version__ = "0.1.0"
