-- What the service's role may do. It owns nothing, and what was done it can only add to.
GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :role;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM :role;
REVOKE UPDATE, DELETE ON support_agent_activity FROM :role;
REVOKE DELETE ON support_tickets, support_conversations, support_agents, support_teams FROM :role;
