-- name: put
INSERT INTO dead_letters
    (dead_letter_id, topic, partition, position, key, headers, value, reason, attempts, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (topic, partition, position) DO NOTHING

-- name: waiting
SELECT count(*) FROM dead_letters

-- name: letters
SELECT dead_letter_id, topic, partition, position, key, headers, value, reason, attempts, received_at FROM dead_letters
WHERE ($1::text IS NULL OR topic = $1) AND ($2::uuid IS NULL OR dead_letter_id > $2) ORDER BY dead_letter_id LIMIT $3

-- name: letter
SELECT dead_letter_id, topic, partition, position, key, headers, value, reason, attempts, received_at FROM dead_letters
WHERE dead_letter_id = $1

-- name: letter_used
DELETE FROM dead_letters WHERE dead_letter_id = $1

-- name: letter_refused_again
UPDATE dead_letters SET reason = $2, attempts = attempts + 1 WHERE dead_letter_id = $1
