-- name: schedule
-- Scheduling again what is already due replaces it, and takes it away from whoever works on it now.
INSERT INTO due_work (kind, key, next_at, payload) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, key) DO UPDATE
SET next_at = excluded.next_at, payload = excluded.payload, attempts = 0, claim = NULL

-- name: schedule_once
INSERT INTO due_work (kind, key, next_at, payload) VALUES ($1, $2, $3, NULL) ON CONFLICT (kind, key) DO NOTHING

-- name: claim
UPDATE due_work SET next_at = $4, attempts = attempts + 1, claim = $5
WHERE (kind, key) IN (
    SELECT kind, key FROM due_work WHERE next_at <= $2 AND kind = ANY ($1)
    ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING kind, key, attempts, payload

-- name: lock_due
SELECT payload FROM due_work WHERE kind = $1 AND key = $2 FOR UPDATE

-- name: finish
DELETE FROM due_work WHERE kind = $1 AND key = $2 AND claim = $3

-- name: postpone
UPDATE due_work SET next_at = $4, attempts = $5, claim = NULL WHERE kind = $1 AND key = $2 AND claim = $3
