-- The simulated shop's tables. One row is one version of one entity; nothing is updated.
CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.customers (
    customer_id text PRIMARY KEY,
    name text,
    email text,
    phone text,
    language text NOT NULL,
    city text
);

CREATE TABLE IF NOT EXISTS shop.order_history (
    order_id text NOT NULL,
    version integer NOT NULL,
    customer_id text,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    time_known boolean NOT NULL,
    items integer,
    amount_minor bigint,
    currency text NOT NULL,
    estimated_delivery date,
    PRIMARY KEY (order_id, version)
);
CREATE INDEX IF NOT EXISTS order_history_of_customer ON shop.order_history (customer_id, occurred_at);

CREATE TABLE IF NOT EXISTS shop.payment_history (
    payment_id text NOT NULL,
    version integer NOT NULL,
    order_id text NOT NULL,
    customer_id text,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    time_known boolean NOT NULL,
    method text NOT NULL,
    installments integer,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    PRIMARY KEY (payment_id, version)
);
CREATE INDEX IF NOT EXISTS payment_history_of_order ON shop.payment_history (order_id);

CREATE TABLE IF NOT EXISTS shop.shipment_history (
    shipment_id text NOT NULL,
    version integer NOT NULL,
    order_id text NOT NULL,
    customer_id text,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    time_known boolean NOT NULL,
    carrier text,
    tracking_number text,
    seller text,
    items integer,
    estimated_delivery date,
    PRIMARY KEY (shipment_id, version)
);
CREATE INDEX IF NOT EXISTS shipment_history_of_order ON shop.shipment_history (order_id);

CREATE TABLE IF NOT EXISTS shop.fraud_history (
    alert_id text NOT NULL,
    version integer NOT NULL,
    order_id text NOT NULL,
    customer_id text,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    time_known boolean NOT NULL,
    rule text NOT NULL,
    score integer CHECK (score BETWEEN 0 AND 100),
    PRIMARY KEY (alert_id, version)
);
CREATE INDEX IF NOT EXISTS fraud_history_of_order ON shop.fraud_history (order_id);

CREATE TABLE IF NOT EXISTS shop.feedback_history (
    feedback_id text NOT NULL,
    version integer NOT NULL,
    order_id text NOT NULL,
    customer_id text,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    time_known boolean NOT NULL,
    score integer CHECK (score BETWEEN 1 AND 5),
    title text,
    comment text,
    PRIMARY KEY (feedback_id, version)
);
CREATE INDEX IF NOT EXISTS feedback_history_of_order ON shop.feedback_history (order_id);

-- Written under one advisory transaction lock, so that positions are committed in their order and have no gaps.
CREATE TABLE IF NOT EXISTS shop.events (
    position bigint PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    occurred_at timestamptz NOT NULL
);

-- How far each reader of the events has come, kept beside them as a broker does.
CREATE TABLE IF NOT EXISTS shop.event_offsets (
    consumer_group text PRIMARY KEY,
    position bigint NOT NULL
);

-- The demo's own notes: what the shop was stocked with, how many steps the feed has made, and the orders that it placed
-- (the oldest of them leave, so that the tables stay small).
CREATE TABLE IF NOT EXISTS shop.stock (
    choice text PRIMARY KEY,
    stocked_at timestamptz NOT NULL,
    cases_opened integer NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS shop.feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    step bigint NOT NULL
);
INSERT INTO shop.feed (step) VALUES (0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS shop.placed_by_feed (
    order_id text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY
);
