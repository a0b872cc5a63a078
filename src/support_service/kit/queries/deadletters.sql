-- name: put
INSERT INTO dead_letters
    (dead_letter_id, topic, partition, position, key, headers, value, reason, attempts, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (topic, partition, position) DO NOTHING

-- name: waiting
SELECT count(*) FROM dead_letters
