-- One chunk of finished and running orders with everything that belongs to them, in sets.
-- %(count)s orders, %(months)s months back, buyers named %(buyers)s, %(window)s to pay.

CREATE TEMP TABLE drawn ON COMMIT DROP AS
WITH people AS (SELECT array_agg(id ORDER BY id) AS ids FROM accounts_user WHERE username LIKE %(buyers)s),
dice AS (
  SELECT nextval(pg_get_serial_sequence('orders_order', 'id')) AS id,
         p.ids[1 + floor(random() * cardinality(p.ids))::int] AS user_id,
         random() AS fate, random() AS age, random() AS two
    FROM generate_series(1, %(count)s), people p
), fated AS (
  SELECT *, CASE WHEN fate < 0.62 THEN 1 WHEN fate < 0.84 THEN 3
                 WHEN fate < 0.93 THEN 2 WHEN fate < 0.98 THEN 4 ELSE 0 END AS status
    FROM dice
)
SELECT id, user_id, status, two < 0.3 AS has_two,
       date_trunc('milliseconds', shigu_now() - CASE status
         WHEN 0 THEN age * %(window)s::interval * 0.95
         ELSE interval '2 hours' + age * age * %(months)s * interval '30 days' END) AS placed_at
  FROM fated ORDER BY id;

CREATE TEMP TABLE chosen ON COMMIT DROP AS
WITH shelf AS (
  SELECT array_agg(s.id ORDER BY s.id) AS ids FROM catalogue_sku s
    JOIN catalogue_product p ON p.id = s.product_id
   WHERE s.price > 0 AND s.on_sale AND p.on_sale
), picks AS (
  SELECT d.id AS order_id, f.ids[1 + floor(random() * cardinality(f.ids))::int] AS sku_id,
         1 + floor(random() * random() * 3)::int AS wanted
    FROM drawn d, shelf f, generate_series(1, CASE WHEN d.has_two THEN 2 ELSE 1 END) AS nth
)
SELECT DISTINCT ON (k.order_id, p.id)
       k.order_id, p.kind, p.id AS product_id, s.id AS sku_id, p.name_zh, p.name_en, s.label_zh,
       s.label_en, s.validity_days, s.price AS unit_price,
       CASE p.kind WHEN 'goods' THEN k.wanted ELSE 1 END AS quantity
  FROM picks k JOIN catalogue_sku s ON s.id = k.sku_id JOIN catalogue_product p ON p.id = s.product_id
 ORDER BY k.order_id, p.id;

CREATE TEMP TABLE fresh ON COMMIT DROP AS
SELECT d.*, sum(c.quantity * c.unit_price) AS total, bool_or(c.kind = 'goods') AS has_goods,
       to_char(d.placed_at AT TIME ZONE %(zone)s, 'YYYYMMDD')
         || lpad(d.user_id::text, greatest(4, length(d.user_id::text)), '0')
         || lpad(d.id::text, greatest(6, length(d.id::text)), '0') AS number,
       d.placed_at + %(window)s::interval AS pay_by,
       CASE WHEN d.status IN (1, 4) THEN d.placed_at + interval '2 minutes' END AS settled_at,
       CASE d.status WHEN 2 THEN d.placed_at + interval '6 minutes'
                     WHEN 3 THEN d.placed_at + %(window)s::interval
                     WHEN 4 THEN d.placed_at + interval '90 minutes' END AS ended_at
  FROM drawn d JOIN chosen c ON c.order_id = d.id
 GROUP BY d.id, d.user_id, d.status, d.has_two, d.placed_at;

INSERT INTO orders_order (id, number, user_id, status, round, list_total, payable, placed_at, pay_by,
                          due_at, settled_at, ended_at, key, refunding_at, sent_to, hidden)
SELECT id, number, user_id, status, 0, total, total, placed_at, pay_by,
       CASE WHEN status = 0 THEN pay_by END, settled_at, ended_at, %(key)s || id,
       CASE WHEN status = 4 THEN settled_at + interval '1 hour' END,
       CASE WHEN has_goods THEN %(address)s ELSE '' END, false
  FROM fresh;

INSERT INTO orders_orderline (order_id, kind, product_id, sku_id, name_zh, name_en, label_zh, label_en,
                              validity_days, quantity, unit_price, price, payable, reason)
SELECT order_id, kind, product_id, sku_id, name_zh, name_en, label_zh, label_en, validity_days,
       quantity, unit_price, quantity * unit_price, quantity * unit_price, ''
  FROM chosen ORDER BY order_id;

INSERT INTO orders_orderevent (order_id, at, by_id, was, status, why)
SELECT id, at, by_id, was, becomes, why FROM (
  SELECT id, placed_at AS at, user_id AS by_id, NULL::int AS was, 0 AS becomes, 'placed' AS why FROM fresh
  UNION ALL SELECT id, settled_at, NULL, 0, 1, 'paid' FROM fresh WHERE status IN (1, 4)
  UNION ALL SELECT id, ended_at, user_id, 0, 2, 'cancelled' FROM fresh WHERE status = 2
  UNION ALL SELECT id, ended_at, NULL, 0, 3, 'time' FROM fresh WHERE status = 3
  UNION ALL SELECT id, settled_at + interval '1 hour', %(operator)s, 1, 1, 'refunding' FROM fresh WHERE status = 4
  UNION ALL SELECT id, ended_at, NULL, 1, 4, 'refunded' FROM fresh WHERE status = 4
) steps ORDER BY id, at;

-- They have no mail address: the inbox tells them, and what is older than a day was read.
INSERT INTO notices_notice (event, subject, round, user_id, channel, facts, at, state, tries, read_at)
SELECT event, id, 0, user_id, 'inbox', jsonb_build_object('pay_by', pay_by), at, 'kept', 0,
       CASE WHEN at < shigu_now() - interval '1 day' THEN at + interval '20 minutes' END
  FROM (SELECT 'order.placed' AS event, placed_at AS at, * FROM fresh
        UNION ALL SELECT 'order.paid', settled_at, * FROM fresh WHERE status IN (1, 4)
        UNION ALL SELECT 'order.lapsed', ended_at, * FROM fresh WHERE status = 3
        UNION ALL SELECT 'order.refunded', ended_at, * FROM fresh WHERE status = 4) told
 ORDER BY id, at;

WITH paid AS (
  INSERT INTO payments_attempt (purpose, subject_id, user_id, provider, channel, out_trade_no, amount,
      title, state, money, opened_at, expires_at, ask_at, asks, last_answer, trade_no, paid_at,
      decided_at, refunding)
  SELECT 'order', id, user_id, 'alipay', 'page', number || '_1', total, number, 'paid', 'applied',
         placed_at + interval '30 seconds', pay_by, pay_by, 0, '',
         to_char(placed_at, 'YYYYMMDD') || '22009' || lpad(id::text, 15, '0'), settled_at, settled_at,
         CASE WHEN status = 4 THEN total ELSE 0 END
    FROM fresh WHERE status IN (1, 4)
  RETURNING id, subject_id, amount, out_trade_no
)
INSERT INTO payments_refund (attempt_id, amount, why, request_no, state, try_at, tries, started_at,
                             ended_at, last_answer)
SELECT p.id, p.amount, 'refund', p.out_trade_no || '_r1', 'sent', f.ended_at, 1,
       f.settled_at + interval '1 hour', f.ended_at, '10000'
  FROM paid p JOIN fresh f ON f.id = p.subject_id WHERE f.status = 4;

INSERT INTO ledger_transfer (kind, subject, nth, debit, credit, amount, at, note)
SELECT kind, subject, 0, debit, credit, amount, at, '' FROM (  -- 17 sales, 18 at the provider, 19 in transit
  SELECT 'payment' AS kind, a.id AS subject, 18 AS debit, 17 AS credit, a.amount, a.decided_at AS at
    FROM fresh f JOIN payments_attempt a ON a.purpose = 'order' AND a.subject_id = f.id
  UNION ALL
  SELECT m.kind, r.id, m.debit, m.credit, r.amount, m.at
    FROM fresh f JOIN payments_attempt a ON a.purpose = 'order' AND a.subject_id = f.id
    JOIN payments_refund r ON r.attempt_id = a.id
    JOIN LATERAL (VALUES ('refund', 17, 19, r.started_at), ('refunded', 19, 18, r.ended_at))
         AS m(kind, debit, credit, at) ON true
) moves ORDER BY at;

INSERT INTO orders_shipment (order_id, since, shipped_at, carrier, tracking_no, recalled_at)
SELECT id, settled_at,
       CASE WHEN status = 1 AND settled_at < shigu_now() - interval '40 hours'
            THEN settled_at + interval '20 hours' END,
       CASE WHEN status = 1 AND settled_at < shigu_now() - interval '40 hours' THEN '顺丰' ELSE '' END,
       CASE WHEN status = 1 AND settled_at < shigu_now() - interval '40 hours'
            THEN 'SF' || (8000000000 + id) ELSE '' END,
       CASE WHEN status = 4 THEN settled_at + interval '1 hour' END
  FROM fresh WHERE has_goods AND status IN (1, 4);

INSERT INTO learning_enrolment (user_id, product_id, order_line_id, valid_from, valid_until, revoked_at)
SELECT f.user_id, l.product_id, l.id, f.settled_at,
       CASE WHEN l.validity_days > 0 THEN f.settled_at + l.validity_days * interval '1 day' END,
       CASE WHEN f.status = 4 THEN f.ended_at END
  FROM fresh f JOIN orders_orderline l ON l.order_id = f.id
 WHERE l.kind = 'course' AND f.status IN (1, 4);

-- What the chunk takes is delivered first, so shelves are as full afterwards as they were before.
INSERT INTO catalogue_stockmovement (sku_id, kind, pieces, subject, by, at)
SELECT c.sku_id, 'receipt', sum(c.quantity), 'delivery before order ' || min(f.id), 'seed', min(f.placed_at)
  FROM chosen c JOIN fresh f ON f.id = c.order_id WHERE c.kind = 'goods' AND f.status IN (0, 1)
 GROUP BY c.sku_id;

INSERT INTO catalogue_stockmovement (sku_id, kind, pieces, subject, by, at)
SELECT c.sku_id, m.kind, m.sign * c.quantity, m.words || f.number, '', m.at
  FROM chosen c JOIN fresh f ON f.id = c.order_id
  JOIN LATERAL (SELECT 'sale' AS kind, -1 AS sign, 'order ' AS words, f.settled_at AS at
                UNION ALL SELECT 'return', 1, 'refund of ', f.ended_at WHERE f.status = 4) m ON true
 WHERE c.kind = 'goods' AND f.status IN (1, 4);

UPDATE catalogue_stock s
   SET on_hand = s.on_hand + d.held, held = s.held + d.held, sold = s.sold + d.sold
  FROM (SELECT c.sku_id, coalesce(sum(c.quantity) FILTER (WHERE f.status = 0), 0) AS held,
               coalesce(sum(c.quantity) FILTER (WHERE f.status = 1), 0) AS sold
          FROM chosen c JOIN fresh f ON f.id = c.order_id
         WHERE c.kind = 'goods' GROUP BY c.sku_id) d
 WHERE s.sku_id = d.sku_id;
