-- name: ensure_customer
-- Looks first: ON CONFLICT alone would wait for whoever is raising the generation of a customer who is known.
INSERT INTO support_customers (customer_id, created_at)
SELECT $1::text, $2::timestamptz WHERE NOT EXISTS (SELECT FROM support_customers WHERE customer_id = $1)
ON CONFLICT (customer_id) DO NOTHING

-- name: customer_since
SELECT created_at FROM support_customers WHERE customer_id = $1

-- name: raise_generations
-- Locks first, and always in the same order, so that two batches wait for each other instead of locking each other out.
-- NO KEY: a case of the customer can be opened meanwhile, which waits for nothing that is being stored.
WITH locked AS MATERIALIZED (
    SELECT customer_id FROM support_customers WHERE customer_id = ANY ($1::text[]) ORDER BY customer_id FOR NO KEY UPDATE
)
UPDATE support_customers AS customer SET generation = generation + risen.by
FROM locked JOIN unnest($1::text[], $2::bigint[]) AS risen (customer_id, by) USING (customer_id)
WHERE customer.customer_id = locked.customer_id
RETURNING customer.customer_id, customer.generation

-- name: generations
SELECT customer_id, generation FROM support_customers WHERE customer_id = ANY ($1::text[])
