-- name: agent_by_identity
SELECT agent_id, name, email, roles, teams, last_seen_at FROM support_agents WHERE issuer = $1 AND subject = $2

-- name: agent
SELECT agent_id, name, roles, teams FROM support_agents WHERE agent_id = $1

-- name: save_agent
-- Two processes may see somebody for the first time together: both get the one row. Teams are NULL when no token tells them.
INSERT INTO support_agents (agent_id, issuer, subject, name, email, roles, teams, created_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7::text[], '{}'), $8, $8)
ON CONFLICT (issuer, subject) DO UPDATE
SET name = excluded.name, email = excluded.email, roles = excluded.roles,
    teams = coalesce($7::text[], support_agents.teams), last_seen_at = excluded.last_seen_at
RETURNING agent_id, teams

-- name: learn_teams
INSERT INTO support_teams (team, name, created_at)
SELECT team, team, $2 FROM unnest($1::text[]) AS team ORDER BY team
ON CONFLICT (team) DO UPDATE SET retired_at = NULL WHERE support_teams.retired_at IS NOT NULL

-- name: team_exists
-- Until the transaction ends it is not retired.
SELECT true FROM support_teams WHERE team = $1 AND retired_at IS NULL FOR KEY SHARE

-- name: all_teams
SELECT team FROM support_teams ORDER BY team
