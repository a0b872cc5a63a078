-- name: ensure_customer
INSERT INTO support_customers (customer_id, created_at) VALUES ($1, $2) ON CONFLICT (customer_id) DO NOTHING

-- name: lock_customers
-- Always in the same order, so that two batches wait for each other instead of locking each other out.
SELECT customer_id FROM support_customers WHERE customer_id = ANY ($1::text[]) ORDER BY customer_id FOR UPDATE

-- name: raise_generations
UPDATE support_customers AS customer SET generation = generation + risen.by
FROM unnest($1::text[], $2::bigint[]) AS risen (customer_id, by)
WHERE customer.customer_id = risen.customer_id
RETURNING customer.customer_id, customer.generation

-- name: generation
SELECT generation FROM support_customers WHERE customer_id = $1
