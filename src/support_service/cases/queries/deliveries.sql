-- name: insert_delivery
-- Only where a machine opened the case, which is then its carrier: a person's name stands at the first words of the others.
INSERT INTO support_reply_deliveries (conversation_id, ticket_id, carrier, state)
SELECT $1, ticket.ticket_id, ticket.opened_by, 'queued'
FROM support_tickets AS ticket
JOIN support_conversations AS opening ON opening.ticket_id = ticket.ticket_id AND opening.number = 1
WHERE ticket.ticket_id = $2 AND opening.author_type = 'CUSTOMER' AND opening.recorded_by IS NULL
RETURNING state

-- name: carrier
SELECT ticket.opened_by
FROM support_tickets AS ticket
JOIN support_conversations AS opening ON opening.ticket_id = ticket.ticket_id AND opening.number = 1
WHERE ticket.ticket_id = $1 AND opening.author_type = 'CUSTOMER' AND opening.recorded_by IS NULL

-- name: delivery
SELECT reply.number, delivery.state, delivery.reason, delivery.reported_at, delivery.provider_id
FROM support_reply_deliveries AS delivery JOIN support_conversations AS reply USING (conversation_id)
WHERE delivery.conversation_id = $1 AND delivery.ticket_id = $2

-- name: save_delivery
UPDATE support_reply_deliveries SET state = $2, reason = $3, reported_at = $4, provider_id = coalesce($5, provider_id)
WHERE conversation_id = $1

-- name: count_report
-- What is shown of the case has changed, and nothing that somebody edits: its version stays, and so does If-Match.
UPDATE support_tickets SET reports = reports + 1 WHERE ticket_id = $1

-- name: unanswered_since
-- The first words of the customer after the last reply that is not known to have failed.
SELECT min(words.created_at) FROM support_conversations AS words
WHERE words.ticket_id = $1 AND words.author_type = 'CUSTOMER' AND words.number > (
    SELECT coalesce(max(reply.number), 0) FROM support_conversations AS reply
    LEFT JOIN support_reply_deliveries AS delivery USING (conversation_id)
    WHERE reply.ticket_id = $1 AND reply.author_type = 'AGENT' AND NOT reply.internal
        AND delivery.state IS DISTINCT FROM 'failed'
)

-- name: parcels
SELECT delivery.conversation_id, delivery.ticket_id, delivery.state, delivery.reason, delivery.reported_at,
    delivery.provider_id, reply.number, reply.message, reply.created_at,
    ticket.reference, ticket.channel, ticket.subject, ticket.customer_id, ticket.contact, ticket.language, ticket.metadata,
    ARRAY (
        SELECT before.conversation_id FROM support_reply_deliveries AS before
        WHERE before.ticket_id = delivery.ticket_id AND before.conversation_id < delivery.conversation_id
        ORDER BY before.conversation_id DESC LIMIT $5
    ) AS earlier
FROM support_reply_deliveries AS delivery
JOIN support_conversations AS reply USING (conversation_id)
JOIN support_tickets AS ticket ON ticket.ticket_id = delivery.ticket_id
WHERE delivery.carrier = $1 AND delivery.state = $2 AND ($3::uuid IS NULL OR delivery.conversation_id > $3)
ORDER BY delivery.conversation_id LIMIT $4

-- name: queued_longest
SELECT reply.created_at FROM support_reply_deliveries AS delivery
JOIN support_conversations AS reply USING (conversation_id)
WHERE delivery.state = 'queued' ORDER BY delivery.conversation_id LIMIT 1
