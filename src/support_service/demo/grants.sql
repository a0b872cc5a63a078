-- What each role of the demo may do in the shop's database; said again at every start.
REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO support_shop, support_events, support_lake;

GRANT USAGE ON SCHEMA shop TO support_shop, support_events;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO support_shop;
GRANT SELECT ON shop.events TO support_events;
GRANT SELECT, INSERT, UPDATE ON shop.event_offsets TO support_events;

GRANT USAGE ON SCHEMA lake TO support_lake;
GRANT SELECT ON lake.vw_support_case_timeline TO support_lake;
