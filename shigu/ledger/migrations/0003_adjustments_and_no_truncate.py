"""Adjustments have a number of their own, drawn when their form is shown; the ledger is not emptied either."""

from django.db import migrations

DO = """
CREATE SEQUENCE ledger_adjustment AS bigint;
CREATE TRIGGER ledger_never_emptied BEFORE TRUNCATE ON ledger_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""
UNDO = """
DROP TRIGGER ledger_never_emptied ON ledger_transfer;
DROP SEQUENCE ledger_adjustment;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(DO, UNDO)]
