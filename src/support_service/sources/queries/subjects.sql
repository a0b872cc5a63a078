-- name: learn
-- Writes, and locks, only what is new; always in the same order, so that two writers never wait for each other in turn.
-- What is known is found first, by index: for an anti-join PostgreSQL would read all orders that there are.
WITH known AS MATERIALIZED (
    SELECT order_id, customer_id FROM order_subjects WHERE order_id = ANY ($1::text[]) AND origin = 'learnt'
)
INSERT INTO order_subjects (order_id, customer_id, origin, learnt_at)
SELECT order_id, told.customer_id, 'learnt', now()
FROM unnest($1::text[], $2::text[]) AS told (order_id, customer_id) LEFT JOIN known USING (order_id)
WHERE told.customer_id IS DISTINCT FROM known.customer_id
ORDER BY order_id
ON CONFLICT (order_id) DO UPDATE
SET customer_id = excluded.customer_id, origin = 'learnt', learnt_at = excluded.learnt_at

-- name: changes
-- A server that takes over may lack what the one before it had just committed.
SELECT changes, pg_postmaster_start_time() FROM order_owner_changes

-- name: claim
-- Changes nothing that is known. Of an order that was learnt to be another's it says what the table's CHECK refuses, and with
-- it all that is sent or was done in the same transaction: no other trip, and nothing learnt meanwhile can be overlooked.
INSERT INTO order_subjects AS known (order_id, customer_id, origin, learnt_at) VALUES ($1, $2, 'claimed', now())
ON CONFLICT (order_id) DO UPDATE SET origin = 'refused'
WHERE known.origin = 'learnt' AND known.customer_id <> excluded.customer_id

-- name: owner_learnt
-- By equality: of `= ANY` PostgreSQL believes ten, and plans anew each time as it hopes for fewer.
SELECT customer_id FROM order_subjects WHERE order_id = $1 AND origin = 'learnt'

-- name: owners_learnt
SELECT order_id, customer_id FROM order_subjects WHERE order_id = ANY ($1::text[]) AND origin = 'learnt'

-- name: owners
SELECT order_id, customer_id FROM order_subjects WHERE order_id = ANY ($1::text[])

-- name: orders_of
SELECT order_id FROM order_subjects WHERE customer_id = $1 ORDER BY learnt_at DESC, order_id DESC LIMIT $2
