"""Payments and refunds from before the ledger get the transfers that `payments.booking` would have posted.

All of them are Alipay's and for orders, so they move between accounts of the house (17 sales, 18 at the
provider, 19 in transit) and change nobody's balance. One statement in the order in which things happened;
what is booked already is left alone.
"""

from django.db import migrations

BOOK = """
INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)
SELECT kind, subject, 0, debit, credit, amount, at, '' FROM (
  SELECT CASE money WHEN 'applied' THEN 'payment' ELSE 'returning' END AS kind, id AS subject, 18 AS debit,
         CASE money WHEN 'applied' THEN 17 ELSE 19 END AS credit, amount, decided_at AS at, 1 AS step
    FROM payments_attempt WHERE money <> '' AND provider = 'alipay' AND purpose = 'order'
  UNION ALL
  SELECT 'refund', r.id, 17, 19, r.amount, r.started_at, 2
    FROM payments_refund r JOIN payments_attempt a ON a.id = r.attempt_id
   WHERE a.money = 'applied' AND a.provider = 'alipay' AND a.purpose = 'order'
  UNION ALL
  SELECT 'refunded', r.id, 19, 18, r.amount, coalesce(r.ended_at, r.started_at), 3
    FROM payments_refund r JOIN payments_attempt a ON a.id = r.attempt_id
   WHERE r.state = 'sent' AND a.provider = 'alipay' AND a.purpose = 'order'
) moves ORDER BY at, step, subject
ON CONFLICT ON CONSTRAINT transfer_once DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_hot"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(BOOK, migrations.RunSQL.noop)]
