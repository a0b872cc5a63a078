-- name: insert_message
INSERT INTO support_conversations
    (conversation_id, ticket_id, author_type, message, created_at, metadata, number, internal, author_id, recorded_by)
SELECT $1, $2, $3, $4, $5, NULL, coalesce(max(number), 0) + 1, $6, $7, $8
FROM support_conversations WHERE ticket_id = $2
RETURNING *, NULL AS delivery_state, NULL AS delivery_reason, NULL::timestamptz AS delivery_reported_at

-- name: insert_first_message
-- Of a case that is opened by the same statement: there is no other to count on from.
INSERT INTO support_conversations
    (conversation_id, ticket_id, author_type, message, created_at, metadata, number, internal, author_id, recorded_by)
VALUES ($1, $2, $3, $4, $5, NULL, 1, false, $6, $7)

-- name: set_attachment_uri
UPDATE support_conversations SET attachment_uri = $2 WHERE conversation_id = $1

-- name: newest_messages
-- One more than shown, so that the reader knows whether there are older ones.
SELECT words.*, delivery.state AS delivery_state, delivery.reason AS delivery_reason,
    delivery.reported_at AS delivery_reported_at
FROM support_conversations AS words LEFT JOIN support_reply_deliveries AS delivery USING (conversation_id)
WHERE words.ticket_id = $1 ORDER BY words.number DESC LIMIT $2

-- name: messages_before
SELECT words.*, delivery.state AS delivery_state, delivery.reason AS delivery_reason,
    delivery.reported_at AS delivery_reported_at
FROM support_conversations AS words LEFT JOIN support_reply_deliveries AS delivery USING (conversation_id)
WHERE words.ticket_id = $1 AND words.number < $2 ORDER BY words.number DESC LIMIT $3

-- name: newer_than_seen
-- NULL when the message seen is not of this case; else whether somebody else has said something since.
SELECT EXISTS (
    SELECT FROM support_conversations AS later
    WHERE later.ticket_id = $1 AND later.number > seen.number
        AND (later.author_id <> $3 OR later.author_type <> 'AGENT')
)
FROM support_conversations AS seen
WHERE seen.ticket_id = $1 AND seen.conversation_id = $2
