-- name: insert_words
INSERT INTO support_case_search (ticket_id, number, internal, words)
VALUES ($1, $2, $3, array_to_tsvector(string_to_array($4, ' ')))
ON CONFLICT (ticket_id, number) DO UPDATE SET words = excluded.words

-- name: insert_words_of_opened
-- The reference is made by the statement that opens the case: its words are those that `words_of` would find in it.
INSERT INTO support_case_search (ticket_id, number, internal, words)
SELECT ticket_id, 0, false,
    array_to_tsvector(string_to_array($1, ' ') || string_to_array(lower(reference), '-') || lower(reference)) FROM opened
UNION ALL SELECT ticket_id, 1, false, array_to_tsvector(string_to_array($2, ' ')) FROM opened

-- name: always_by_index
-- Until the transaction ends. The planner counts reading all words as cheap, as most of them lie outside their table.
SELECT set_config('enable_seqscan', 'off', true)

-- name: hits
SELECT count(*) FROM (
    SELECT FROM support_case_search WHERE words @@ $1::tsquery AND ($2 OR NOT internal) LIMIT $3
) AS found

-- name: window_end
-- The oldest of so many cases before one, whoever sees them: what is looked through is bounded, not what is found.
SELECT ticket_id FROM support_tickets
WHERE ticket_id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) ORDER BY ticket_id DESC LIMIT 1 OFFSET $2

-- name: without_words
SELECT ticket_id, number, internal, message FROM support_conversations AS said
WHERE conversation_id >= $1 AND NOT EXISTS (
    SELECT FROM support_case_search AS found WHERE found.ticket_id = said.ticket_id AND found.number = said.number
)
ORDER BY conversation_id LIMIT $2

-- name: fill_words
INSERT INTO support_case_search (ticket_id, number, internal, words)
SELECT ticket_id, number, internal, array_to_tsvector(string_to_array(words, ' '))
FROM unnest($1::uuid[], $2::int[], $3::bool[], $4::text[]) AS fresh (ticket_id, number, internal, words)
ORDER BY ticket_id, number
ON CONFLICT (ticket_id, number) DO NOTHING
