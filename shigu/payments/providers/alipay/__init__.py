"""Alipay's open platform, RSA2 with public keys: page and wap payments, query, close, refund, bill.

`adapter.Alipay` is the provider. Below it: `signing` (what is signed, over which bytes), `keys` (where
keys come from), `gateway` (one POST and what it may answer), `reading` (Alipay's words into ours),
`bill` (its zip of tables), `checks` (what production refuses to start with).
"""
