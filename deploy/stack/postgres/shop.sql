CREATE ROLE lake LOGIN PASSWORD 'support';

CREATE DATABASE shop_orders;
\connect shop_orders
-- The simulated shop's tables. One row is one version of one entity; nothing is updated.
CREATE SCHEMA IF NOT EXISTS shop;

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
GRANT USAGE ON SCHEMA shop TO lake;
GRANT SELECT ON shop.order_history TO lake;

CREATE DATABASE shop_payments;
\connect shop_payments
-- The simulated shop's tables. One row is one version of one entity; nothing is updated.
CREATE SCHEMA IF NOT EXISTS shop;

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
GRANT USAGE ON SCHEMA shop TO lake;
GRANT SELECT ON shop.payment_history TO lake;

CREATE DATABASE shop_shipments;
\connect shop_shipments
-- The simulated shop's tables. One row is one version of one entity; nothing is updated.
CREATE SCHEMA IF NOT EXISTS shop;

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
GRANT USAGE ON SCHEMA shop TO lake;
GRANT SELECT ON shop.shipment_history TO lake;

CREATE DATABASE shop_fraud;
\connect shop_fraud
-- The simulated shop's tables. One row is one version of one entity; nothing is updated.
CREATE SCHEMA IF NOT EXISTS shop;

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
GRANT USAGE ON SCHEMA shop TO lake;
GRANT SELECT ON shop.fraud_history TO lake;

CREATE DATABASE shop_feedback;
\connect shop_feedback
-- The simulated shop's tables. One row is one version of one entity; nothing is updated.
CREATE SCHEMA IF NOT EXISTS shop;

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
GRANT USAGE ON SCHEMA shop TO lake;
GRANT SELECT ON shop.feedback_history TO lake;
