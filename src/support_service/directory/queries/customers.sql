-- name: ensure_customer
-- Looks first: ON CONFLICT alone would wait for whoever is raising the generation of a customer who is known.
INSERT INTO support_customers (customer_id, created_at)
SELECT $1::text, $2::timestamptz WHERE NOT EXISTS (SELECT FROM support_customers WHERE customer_id = $1)
ON CONFLICT (customer_id) DO NOTHING

-- name: customer_since
SELECT created_at FROM support_customers WHERE customer_id = $1

-- name: lock_customers
-- Always in the same order, so that two batches wait for each other instead of locking each other out.
-- NO KEY: a case of the customer can be opened meanwhile, which waits for nothing that is being stored.
SELECT customer_id, generation FROM support_customers
WHERE customer_id = ANY (string_to_array($1, E'\x1f'))
ORDER BY customer_id FOR NO KEY UPDATE

-- name: raise_generations
-- Not joined with an array of both: for that PostgreSQL reads all customers there are.
UPDATE support_customers SET generation = greatest(generation, ($2::jsonb ->> customer_id)::bigint)
WHERE customer_id = ANY ($1::text[])

-- name: generations
SELECT customer_id, generation FROM support_customers WHERE customer_id = ANY ($1::text[])
