-- name: lock_key
SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))

-- name: find_key
SELECT fingerprint, status, headers, body FROM idempotency_keys
WHERE principal_id = $1 AND route = $2 AND key = $3 AND created_at > $4

-- name: record_key
INSERT INTO idempotency_keys (principal_id, route, key, fingerprint, status, headers, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (principal_id, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
    created_at = excluded.created_at

-- name: purge_keys
DELETE FROM idempotency_keys WHERE (principal_id, route, key) IN (
    SELECT principal_id, route, key FROM idempotency_keys WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
)
