"""Search in any script without an extension: an index over one- and two-character pieces of the words.

Chinese has no spaces and most of its words have two characters, too short for trigrams. Text is kept
folded (compatibility forms, lower case), so that full-width letters and punctuation find their like.
PostgreSQL itself keeps both columns; no code writes them, and Django's models do not know them.
"""

from django.db import migrations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION catalogue_plain(doc text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN lower(normalize(doc, NFKC));

CREATE OR REPLACE FUNCTION catalogue_grams(doc text) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  BEGIN ATOMIC
    SELECT coalesce(array_agg(DISTINCT gram), '{}')
      FROM (SELECT catalogue_plain(doc) AS plain) AS folded,
           generate_series(1, length(plain)) AS place,
           LATERAL (VALUES (substr(plain, place, 1)), (substr(plain, place, 2))) AS g(gram)
     WHERE gram !~ '[[:space:]]';
  END;
"""

DOC = (
    "name_zh || ' ' || name_en || ' ' || brief_zh || ' ' || brief_en"
    " || ' ' || maker_zh || ' ' || maker_en"
)
COLUMNS = f"""
DROP INDEX IF EXISTS product_words;
ALTER TABLE catalogue_product
  ADD COLUMN plain text GENERATED ALWAYS AS (catalogue_plain({DOC})) STORED,
  ADD COLUMN grams text[] GENERATED ALWAYS AS (catalogue_grams({DOC})) STORED;
CREATE INDEX product_words ON catalogue_product USING gin (grams);
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0002_hot")]
    operations = [
        migrations.RunSQL(
            FUNCTIONS, "DROP FUNCTION catalogue_grams(text); DROP FUNCTION catalogue_plain(text)"
        ),
        migrations.RunSQL(
            COLUMNS, "ALTER TABLE catalogue_product DROP COLUMN plain, DROP COLUMN grams"
        ),
    ]
