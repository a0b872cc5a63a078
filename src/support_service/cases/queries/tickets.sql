-- name: insert_ticket
INSERT INTO support_tickets
    (ticket_id, reference, customer_id, order_id, channel, subject, priority, status, team, language, contact, metadata,
     version, opened_by, awaiting_since, linked_ticket_id, created_at, updated_at)
VALUES
    ($1, 'S-' || nextval('support_ticket_references'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
     1, $12, $13, $14, $13, $13)
RETURNING ticket_id, reference, contact, metadata

-- name: opened
SELECT reference, contact, metadata FROM opened

-- name: ticket
SELECT * FROM support_tickets WHERE ticket_id = $1

-- name: case_facts
SELECT ticket_id, version, reports, customer_id, order_id, team, opened_by FROM support_tickets
WHERE ticket_id = ANY ($1::uuid[])

-- name: cases_about
SELECT ticket_id, version, reports, t.customer_id, t.order_id, team, opened_by, moved.order_id
FROM unnest($1::text[], $2::text[]) AS moved (customer_id, order_id)
JOIN support_tickets t ON t.customer_id = moved.customer_id AND (t.order_id IS NULL OR t.order_id = moved.order_id)
WHERE t.status <> 'CLOSED'

-- name: is_live
SELECT EXISTS (SELECT FROM support_tickets WHERE ticket_id = $1 AND status <> 'CLOSED')

-- name: lock_live_cases
-- Until the transaction ends no case of these changes what it is about.
SELECT ticket_id, version, reports, customer_id, order_id, team, opened_by FROM support_tickets
WHERE status <> 'CLOSED' AND ($1::uuid IS NULL OR ticket_id > $1) ORDER BY ticket_id LIMIT $2 FOR SHARE

-- name: unfinished_link
SELECT ticket_id, version, reports, customer_id, order_id, team, opened_by FROM support_tickets
WHERE linked_ticket_id = $1 AND status <> 'CLOSED' ORDER BY ticket_id DESC LIMIT 1

-- name: lock_ticket
-- NO KEY: rows that refer to this case can be added meanwhile, so enriching it and changing it never wait in a circle.
SELECT * FROM support_tickets WHERE ticket_id = $1 FOR NO KEY UPDATE

-- name: save_ticket
UPDATE support_tickets SET
    order_id = $2, subject = $3, category = $4, priority = $5, status = $6, assignee = $7, team = $8, tags = $9,
    language = $10, awaiting_since = $11, first_responded_at = $12, resolved_at = $13, closed_at = $14,
    updated_at = $15, waits_for = $16, version = version + 1
WHERE ticket_id = $1
RETURNING *

-- name: waiting_cases
SELECT ticket_id, order_id, waits_for FROM support_tickets
WHERE waits_for IS NOT NULL AND order_id IS NOT NULL AND (order_id = ANY ($1::text[]) OR ticket_id = ANY ($2::uuid[]))
ORDER BY ticket_id

-- name: page_of_all
SELECT * FROM support_tickets WHERE ticket_id < $2 ORDER BY ticket_id DESC LIMIT $1

-- name: page_of_teams
-- One walk of the queue's index for each team and status, merged: the work is bounded by the page, however many cases there
-- are and however few of them match. Walks give ids alone, so that of the rows only the page's are read.
-- A walk is bounded by (status, ticket_id) as a pair, and ordered by both, though it meets one status only: no other index has
-- that order. Of a status that is equal to something PostgreSQL would order by ticket_id alone, and look through all cases.
SELECT * FROM support_tickets WHERE ticket_id = ANY (ARRAY(
    SELECT walk.ticket_id
    FROM unnest($3::text[]) AS of (team), unnest($4::text[]) AS at (status), LATERAL (
        SELECT ticket_id FROM support_tickets AS t
        WHERE t.team = of.team AND t.status >= at.status AND (t.status, t.ticket_id) < (at.status, $2::uuid)
        ORDER BY t.status DESC, t.ticket_id DESC LIMIT $1
    ) AS walk
    UNION ALL
    SELECT walk.ticket_id
    FROM unnest($4::text[]) AS at (status), LATERAL (
        SELECT ticket_id FROM support_tickets AS t
        WHERE $5::boolean AND t.team IS NULL AND t.status >= at.status AND (t.status, t.ticket_id) < (at.status, $2::uuid)
        ORDER BY t.team DESC, t.status DESC, t.ticket_id DESC LIMIT $1
    ) AS walk
    ORDER BY ticket_id DESC LIMIT $1
)) ORDER BY ticket_id DESC

-- name: page_of_assignee
SELECT * FROM support_tickets WHERE ticket_id = ANY (ARRAY(
    SELECT walk.ticket_id
    FROM unnest($4::text[]) AS at (status), LATERAL (
        SELECT ticket_id FROM support_tickets AS t
        WHERE t.assignee = $3 AND t.status >= at.status AND (t.status, t.ticket_id) < (at.status, $2::uuid)
            AND ($5::text IS NULL OR t.team = $5) AND ($6::text[] IS NULL OR t.team IS NULL OR t.team = ANY ($6))
            AND ($7::uuid IS NULL OR t.opened_by = $7)
        ORDER BY t.status DESC, t.ticket_id DESC LIMIT $1
    ) AS walk
    ORDER BY ticket_id DESC LIMIT $1
)) ORDER BY ticket_id DESC

-- name: page_of_opener
SELECT * FROM support_tickets WHERE ticket_id = ANY (ARRAY(
    SELECT walk.ticket_id
    FROM unnest($4::text[]) AS at (status), LATERAL (
        SELECT ticket_id FROM support_tickets AS t
        WHERE t.opened_by = $3 AND t.status >= at.status AND (t.status, t.ticket_id) < (at.status, $2::uuid)
            AND ($5::text IS NULL OR t.team = $5)
        ORDER BY t.status DESC, t.ticket_id DESC LIMIT $1
    ) AS walk
    ORDER BY ticket_id DESC LIMIT $1
)) ORDER BY ticket_id DESC

-- name: workload
SELECT status, priority, count(*) AS cases, min(awaiting_since) AS awaiting_since
FROM support_tickets
WHERE assignee = $1 AND status IN ('OPEN', 'PENDING', 'ON_HOLD')
GROUP BY status, priority

-- name: newest_of
SELECT ticket_id FROM support_tickets WHERE customer_id = $1 ORDER BY ticket_id DESC LIMIT 1

-- name: unfinished_with
SELECT EXISTS (SELECT FROM support_tickets WHERE team = $1 AND status IN ('OPEN', 'PENDING', 'ON_HOLD'))

-- name: backlog
SELECT status, priority, count(*) AS cases, count(awaiting_since) AS unanswered, min(awaiting_since) AS awaiting_since
FROM support_tickets
WHERE status IN ('OPEN', 'PENDING', 'ON_HOLD')
GROUP BY status, priority
