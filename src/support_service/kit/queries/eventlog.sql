-- name: append_event
INSERT INTO event_log (event_id, type, subject, sequence, data, occurred_at, trace)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: append_events
-- Ids are given in the order of the arrays.
INSERT INTO event_log (event_id, type, subject, sequence, data, occurred_at, trace)
SELECT event_id, type, subject, sequence, data::jsonb, $6, $7
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[]) WITH ORDINALITY
    AS event (event_id, type, subject, sequence, data, n)
ORDER BY n

-- name: any_unstamped
-- In order, though any would do: where it believes that many wait, PostgreSQL else reads the whole log to find that none does.
SELECT true FROM event_log WHERE position IS NULL ORDER BY id LIMIT 1

-- name: any_after_cursor
-- By the head, which moves with the stamps: of the rows themselves PostgreSQL, which cannot know where the cursor is, believes
-- that many follow, and reads the whole log to find that none does.
SELECT true FROM log_cursors, log_head WHERE name = $1 AND log_head.position > log_cursors.position

-- name: lock_head
-- Whoever holds this row is the relay for one batch; a second one goes away empty-handed instead of waiting.
-- No bitmaps in its transaction: to sort the rows that wait PostgreSQL would read all of them for each batch, as it believes
-- that they are few; the index of those gives them in their order.
SELECT position, set_config('enable_bitmapscan', 'off', true) FROM log_head FOR UPDATE SKIP LOCKED

-- name: stamp
-- A statement of its own after lock_head: its snapshot is younger than the lock, so it sees all that the relay before
-- stamped. Ids of one subject are in commit order, as each is drawn while its writer holds the subject's row.
-- Rows are found by their places, which no other statement moves; by a join on ids PostgreSQL would read all that wait.
UPDATE event_log SET position = $1 + fresh.nth
FROM unnest(ARRAY(SELECT ctid FROM event_log WHERE position IS NULL ORDER BY id LIMIT $2)) WITH ORDINALITY
    AS fresh (place, nth)
WHERE event_log.ctid = fresh.place AND event_log.position IS NULL

-- name: move_head
UPDATE log_head SET position = position + $1

-- name: head
SELECT position FROM log_head

-- name: unstamped
SELECT count(*) AS rows, coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8 AS oldest_s
FROM event_log WHERE position IS NULL

-- name: read_log
SELECT position, event_id, type, subject, sequence, data::text, occurred_at, trace
FROM event_log WHERE position > $1 ORDER BY position LIMIT $2

-- name: hear
-- One snapshot of what is stamped after a position and of what still waits for its own: a row is in one of the two.
(SELECT position, type, subject, sequence FROM event_log WHERE position IS NULL ORDER BY id LIMIT $3)
UNION ALL
(
    SELECT position, type, subject, sequence
    FROM event_log WHERE position > $1 ORDER BY position LIMIT $2
)

-- name: ensure_cursor
INSERT INTO log_cursors (name, position, moved_at) VALUES ($1, 0, now()) ON CONFLICT (name) DO NOTHING

-- name: lock_cursor
SELECT position FROM log_cursors WHERE name = $1 FOR UPDATE SKIP LOCKED

-- name: move_cursor
UPDATE log_cursors SET position = $2, moved_at = now() WHERE name = $1

-- name: lags
SELECT name, greatest(0, (SELECT position FROM log_head) - position) AS behind FROM log_cursors
