// What a fact says, from its kind and data: a title and details, in the reader's language.

import { code, day, find, money, number, t } from "./texts.js";

const ENDED = new Set(["delivered", "canceled", "returned", "unavailable", "failed"]);

export const SOURCES = ["order", "payment", "shipment", "fraud", "feedback"];

/** The title of a fact; the service's own summary when the kind is not known here. */
export const titleOf = (entry) => find(`fact.${entry.kind}`) ?? entry.summary;

/** The details that are known of a fact. */
export function detailsOf(entry) {
  const details = DETAILS[entry.source]?.(entry.data) ?? [];
  return details.filter((detail) => detail !== null);
}

/** The words a customer wrote in a review: { title, comment }, or null. */
export function wordsOf(entry) {
  const { title, comment } = entry.source === "feedback" ? entry.data : {};
  return title || comment ? { title, comment } : null;
}

const known = (value, write) => (value === null || value === undefined ? null : write(value));
const items = (data) =>
  known(data.items, (count) => (count === 1 ? t("data.item") : t("data.items", { count: number(count) })));
const amount = (data) => known(data.amount_minor, (minor) => money(minor, data.currency));
const expected = (data) =>
  ENDED.has(data.status) ? null : known(data.estimated_delivery, (text) => t("data.expected", { day: day(text) }));

const DETAILS = {
  order: (data) => [items(data), amount(data), expected(data)],
  payment: (data) => [
    amount(data),
    known(data.method, (method) => code("method", method)),
    known(data.installments, (count) => (count > 1 ? t("data.installments", { count: number(count) }) : null)),
  ],
  shipment: (data) => [
    items(data),
    data.carrier,
    known(data.tracking_number, (text) => t("data.tracking", { number: text })),
    known(data.seller, (name) => t("data.seller", { name: name.length > 24 ? `${name.slice(0, 8)}…` : name })),
    expected(data),
  ].map((detail) => detail ?? null),
  fraud: (data) => [
    known(data.rule, (rule) => code("rule", rule)),
    known(data.score, (score) => t("data.score", { score: number(score) })),
  ],
  feedback: (data) => [known(data.score, (score) => t("data.stars", { score: number(score) }))],
};
