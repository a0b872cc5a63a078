-- name: teams
SELECT team, name, version, created_at FROM support_teams
WHERE retired_at IS NULL AND team > $1 ORDER BY team LIMIT $2

-- name: team
SELECT team, name, version, created_at FROM support_teams WHERE team = $1 AND retired_at IS NULL

-- name: keep_team
-- Until the transaction ends it is not retired.
SELECT team, name, version, created_at FROM support_teams WHERE team = $1 AND retired_at IS NULL FOR KEY SHARE

-- name: lock_team
-- Whoever is giving a case or a member to it has ended, or waits.
SELECT team, name, version, created_at FROM support_teams WHERE team = $1 AND retired_at IS NULL FOR UPDATE

-- name: make_team
INSERT INTO support_teams (team, name, created_at) VALUES ($1, $2, $3)
ON CONFLICT (team) DO UPDATE SET name = excluded.name, version = support_teams.version + 1, retired_at = NULL
WHERE support_teams.retired_at IS NOT NULL
RETURNING team, name, version, created_at

-- name: rename_team
UPDATE support_teams SET name = $2, version = version + 1 WHERE team = $1 RETURNING team, name, version, created_at

-- name: retire_team
UPDATE support_teams SET retired_at = $2, version = version + 1 WHERE team = $1

-- name: members
SELECT agent_id, name, roles, teams FROM support_agents
WHERE teams @> ARRAY[$1::text] AND agent_id > $2 ORDER BY agent_id LIMIT $3

-- name: lock_teams_of
SELECT teams FROM support_agents WHERE agent_id = $1 FOR NO KEY UPDATE

-- name: set_teams_of
UPDATE support_agents SET teams = $2 WHERE agent_id = $1

-- name: empty_team
UPDATE support_agents SET teams = array_remove(teams, $1::text) WHERE teams @> ARRAY[$1::text]
