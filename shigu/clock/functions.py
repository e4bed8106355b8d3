"""The two SQL functions through which everything reads time, in both their forms.

`shigu_now()` is stable (one moment a statement) and therefore an index condition; claims use it.
`shigu_clock()` is volatile (the moment of the call); decisions use it. In production they are
PostgreSQL's own clocks; where time may be moved they add the one row of `clock_offset`.
"""

from __future__ import annotations

_CREATE = """
CREATE OR REPLACE FUNCTION shigu_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT statement_timestamp(){offset} $$;
CREATE OR REPLACE FUNCTION shigu_clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT clock_timestamp(){offset} $$;
"""

REAL = _CREATE.format(offset="")
"""What production has."""

SHIFTABLE = _CREATE.format(offset=" + (SELECT moved FROM clock_offset)")

TABLE = """
CREATE TABLE IF NOT EXISTS clock_offset (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    moved interval NOT NULL DEFAULT '0'
);
INSERT INTO clock_offset DEFAULT VALUES ON CONFLICT DO NOTHING;
"""

DROP = "DROP FUNCTION IF EXISTS shigu_now(); DROP FUNCTION IF EXISTS shigu_clock();"
DROP_TABLE = "DROP TABLE IF EXISTS clock_offset;"

IS_SHIFTABLE = "SELECT to_regclass('clock_offset') IS NOT NULL"
