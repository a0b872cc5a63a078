"""What tests share: a PostgreSQL server, migrated databases, free ports."""
