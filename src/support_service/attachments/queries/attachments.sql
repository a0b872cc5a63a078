-- name: lock_case
-- One at a time in a case, so that the count holds.
SELECT pg_advisory_xact_lock(hashtextextended('support_attachments:' || $1::text, 0))

-- name: count_unattached
SELECT count(*) FROM support_attachments WHERE ticket_id = $1 AND conversation_id IS NULL

-- name: insert_attachment
INSERT INTO support_attachments
    (attachment_id, ticket_id, requested_by, file_name, content_type, size, sha256, state, staging_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'requested', $8, $9)
RETURNING *

-- name: attachment
SELECT * FROM support_attachments WHERE attachment_id = $1

-- name: lock_attachments
SELECT * FROM support_attachments WHERE attachment_id = ANY ($1::uuid[]) ORDER BY attachment_id FOR NO KEY UPDATE

-- name: begin_check
-- A lease: whoever began a check and died leaves it to the next. What they had copied is named once more, to be deleted.
UPDATE support_attachments AS now SET object_key = $2, checking_until = $4
FROM (SELECT attachment_id, object_key FROM support_attachments WHERE attachment_id = $1 FOR NO KEY UPDATE) AS before
WHERE now.attachment_id = before.attachment_id AND now.state = 'requested'
    AND (now.checking_until IS NULL OR now.checking_until <= $3)
RETURNING before.object_key AS left_behind

-- name: end_check
-- Only by whoever holds the lease.
UPDATE support_attachments SET state = $3, reason = $4, checking_until = NULL
WHERE attachment_id = $1 AND object_key = $2 AND state = 'requested'
RETURNING *

-- name: give_up_check
UPDATE support_attachments SET checking_until = NULL
WHERE attachment_id = $1 AND object_key = $2 AND state = 'requested'

-- name: attach
UPDATE support_attachments SET ticket_id = $2, conversation_id = $3, place = given.place
FROM unnest($1::uuid[]) WITH ORDINALITY AS given (attachment_id, place)
WHERE support_attachments.attachment_id = given.attachment_id

-- name: of_messages
SELECT * FROM support_attachments WHERE conversation_id = ANY ($1::uuid[]) ORDER BY conversation_id, place

-- name: mark_deleted
UPDATE support_attachments SET state = 'deleted' WHERE attachment_id = $1 AND conversation_id IS NULL

-- name: delete_attachment
DELETE FROM support_attachments WHERE attachment_id = $1 AND state = 'deleted'
