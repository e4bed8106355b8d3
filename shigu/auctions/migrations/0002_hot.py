"""Bids are a log that only grows; what a bid changes is kept narrow, with room for it on its page."""

from django.db import migrations

from shigu import clock

DO = """
CREATE FUNCTION auctions_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the record of a lot is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER bids_append_only BEFORE UPDATE OR DELETE ON auctions_bid
  FOR EACH ROW EXECUTE FUNCTION auctions_refuse();
CREATE TRIGGER bids_never_emptied BEFORE TRUNCATE ON auctions_bid
  FOR EACH STATEMENT EXECUTE FUNCTION auctions_refuse();
CREATE TRIGGER extensions_append_only BEFORE UPDATE OR DELETE ON auctions_extension
  FOR EACH ROW EXECUTE FUNCTION auctions_refuse();
CREATE TRIGGER extensions_never_emptied BEFORE TRUNCATE ON auctions_extension
  FOR EACH STATEMENT EXECUTE FUNCTION auctions_refuse();
ALTER TABLE auctions_bidding SET (fillfactor = 50);
"""
UNDO = """
ALTER TABLE auctions_bidding RESET (fillfactor);
DROP TRIGGER extensions_never_emptied ON auctions_extension;
DROP TRIGGER extensions_append_only ON auctions_extension;
DROP TRIGGER bids_never_emptied ON auctions_bid;
DROP TRIGGER bids_append_only ON auctions_bid;
DROP FUNCTION auctions_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("auctions", "0001_initial"), ("clock", "0002_rows")]
    operations = [
        clock.HotTable("auctions_bidding"),
        clock.HotTable("auctions_deposit"),
        migrations.RunSQL(DO, UNDO),
    ]
