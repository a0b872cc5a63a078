-- name: lock_feed
SELECT pg_advisory_xact_lock(8360001)

-- name: newest_position
SELECT coalesce(max(position), 0) FROM shop.events

-- name: add_order
INSERT INTO shop.order_history
    (order_id, version, customer_id, status, occurred_at, time_known, items, amount_minor, currency,
     estimated_delivery)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: add_payment
INSERT INTO shop.payment_history
    (payment_id, version, order_id, customer_id, status, occurred_at, time_known, method, installments, amount_minor,
     currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: add_shipment
INSERT INTO shop.shipment_history
    (shipment_id, version, order_id, customer_id, status, occurred_at, time_known, carrier, tracking_number, seller,
     items, estimated_delivery)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: add_fraud
INSERT INTO shop.fraud_history
    (alert_id, version, order_id, customer_id, status, occurred_at, time_known, rule, score)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: add_feedback
INSERT INTO shop.feedback_history
    (feedback_id, version, order_id, customer_id, status, occurred_at, time_known, score, title, comment)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: add_event
INSERT INTO shop.events (position, event_id, topic, key, value, occurred_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: forget_events
DELETE FROM shop.events WHERE position <= $1

-- name: facts_of_order
-- Every fact of the orders asked for, by source; the same columns as the tables.
SELECT * FROM shop.order_history WHERE order_id = ANY($1::text[]) ORDER BY order_id, version

-- name: facts_of_payment
SELECT * FROM shop.payment_history WHERE order_id = ANY($1::text[]) ORDER BY order_id, payment_id, version

-- name: facts_of_shipment
SELECT * FROM shop.shipment_history WHERE order_id = ANY($1::text[]) ORDER BY order_id, shipment_id, version

-- name: facts_of_fraud
SELECT * FROM shop.fraud_history WHERE order_id = ANY($1::text[]) ORDER BY order_id, alert_id, version

-- name: facts_of_feedback
SELECT * FROM shop.feedback_history WHERE order_id = ANY($1::text[]) ORDER BY order_id, feedback_id, version

-- name: newest_orders
-- The orders of one customer, the last placed first.
SELECT order_id FROM shop.order_history
WHERE customer_id = $1 AND version = 1
ORDER BY occurred_at DESC, order_id DESC
LIMIT $2

-- name: customer
SELECT * FROM shop.customers WHERE customer_id = $1

-- name: stock
SELECT choice FROM shop.stock

-- name: cases_opened
SELECT cases_opened FROM shop.stock

-- name: note_cases_opened
UPDATE shop.stock SET cases_opened = $1

-- name: note_stock
INSERT INTO shop.stock (choice, stocked_at) VALUES ($1, $2)

-- name: next_step
-- Counts the steps of the feed; with the seed it decides what happens in each.
UPDATE shop.feed SET step = step + 1 RETURNING step

-- name: orders_under_way
SELECT order_id FROM (
    SELECT DISTINCT ON (order_id) order_id, status FROM shop.order_history ORDER BY order_id, version DESC
) AS newest
WHERE status <> ALL($1::text[])
ORDER BY order_id

-- name: customer_at
-- One of the customers, by a number from 0 to 999999 that chance gave.
SELECT * FROM shop.customers ORDER BY customer_id
OFFSET (SELECT count(*) * $1::bigint / 1000000 FROM shop.customers) LIMIT 1

-- name: note_placed
INSERT INTO shop.placed_by_feed (order_id) VALUES ($1)

-- name: placed_count
SELECT count(*) FROM shop.placed_by_feed

-- name: oldest_placed
-- The oldest order of the feed that nobody looks at and that waits for nobody.
SELECT placed.order_id FROM shop.placed_by_feed AS placed
WHERE placed.order_id <> ALL($1::text[])
  AND (SELECT status FROM shop.order_history AS history WHERE history.order_id = placed.order_id
       ORDER BY version DESC LIMIT 1) = ANY($2::text[])
ORDER BY placed.number LIMIT 1

-- name: forget_order
WITH orders AS (DELETE FROM shop.order_history WHERE order_id = $1),
     payments AS (DELETE FROM shop.payment_history WHERE order_id = $1),
     shipments AS (DELETE FROM shop.shipment_history WHERE order_id = $1),
     alerts AS (DELETE FROM shop.fraud_history WHERE order_id = $1),
     feedback AS (DELETE FROM shop.feedback_history WHERE order_id = $1)
DELETE FROM shop.placed_by_feed WHERE order_id = $1

-- name: orders_for_cases
-- Some orders of every kind that the demo's cases tell of, the newest first: those under way (at most 200), the newest
-- 300, and those with several payments, several shipments or a bad score (20 each).
WITH newest AS (
    SELECT DISTINCT ON (order_id) order_id, status FROM shop.order_history ORDER BY order_id, version DESC
), chosen AS (
    (SELECT order_id FROM newest WHERE status <> ALL($1::text[]) ORDER BY order_id LIMIT 200)
    UNION (SELECT order_id FROM newest WHERE status IN ('canceled', 'unavailable') ORDER BY order_id LIMIT 40)
    UNION (SELECT order_id FROM shop.order_history WHERE version = 1 ORDER BY occurred_at DESC, order_id LIMIT 300)
    UNION (SELECT order_id FROM shop.payment_history WHERE version = 1
           GROUP BY order_id HAVING count(*) > 1 ORDER BY order_id LIMIT 20)
    UNION (SELECT order_id FROM shop.shipment_history WHERE version = 1
           GROUP BY order_id HAVING count(*) > 1 ORDER BY order_id LIMIT 20)
    UNION (SELECT order_id FROM shop.feedback_history WHERE score <= 2 ORDER BY order_id LIMIT 20)
)
SELECT order_id FROM chosen JOIN shop.order_history AS placed USING (order_id)
WHERE placed.version = 1
ORDER BY placed.occurred_at DESC, order_id
