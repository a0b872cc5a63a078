// One customer: who they are, their cases and orders, and the timeline of their newest orders.

import { ask, repeat } from "./api.js";
import { h, say, show } from "./dom.js";
import { find, moment, t } from "./texts.js";
import { timelinePanel } from "./timeline.js";

const EVERY_MS = 60_000; // each look goes on record

/** The view of a customer: { node, stop, customerId }. `on.failed(error)` belongs to the page around it. */
export function customerView(customerId, on) {
  const path = encodeURIComponent(customerId);
  const since = h("p", { class: "reference" });
  const facts = h("dl", { class: "case-facts" });
  const cases = h("ul", { class: "related" });
  const more = h("p", { class: "hint", hidden: true }, t("customerMoreCases"));
  const orders = h("ul", { class: "related" });
  const incomplete = h("p", { class: "verdict bad", hidden: true }, t("ordersIncomplete"));
  const timeline = timelinePanel(null);
  const gone = h("p", { class: "empty big", hidden: true }, t("customerGone"));
  const head = h(
    "header",
    { class: "case-head" },
    since,
    h("h1", { id: "main", tabIndex: -1 }, `${t("customer")} ${customerId}`),
    facts,
  );
  const panel = (title, ...inside) => h("section", { class: "panel", "aria-label": title }, h("h2", null, title), ...inside);
  const lists = h("div", { class: "stack" }, panel(t("cases"), cases, more), panel(t("orders"), incomplete, orders));
  const shown = h("div", { class: "case-shown", hidden: true }, head, h("div", { class: "columns" }, lists, timeline.node));
  const node = h("div", { class: "case" }, h("a", { class: "back", href: "#/" }, `‹ ${t("back")}`), gone, shown);

  async function refresh() {
    let person;
    try {
      ({ value: person } = await ask("GET", `/support/customers/${path}`));
    } catch (error) {
      if (![403, 404, 422].includes(error.status)) throw error;
      show(gone, true);
      show(shown, false);
      loop.stop(); // who is out of sight is asked for once: every time goes on record
      return;
    }
    say(since, t("knownSince", { time: moment(person.known_since) }));
    const rows = [
      ...Object.entries(person.contact ?? {}).map(([name, value]) => [find(`contact.${name}`) ?? name, written(value)]),
      ...(person.languages.length ? [[t("formLanguage"), person.languages.join(", ")]] : []),
    ];
    facts.replaceChildren(...rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
    cases.replaceChildren(...person.cases.items.map(caseItem));
    show(more, person.cases.next_cursor !== null);
    orders.replaceChildren(...person.orders.map((order) => orderItem(order, person.repeat_contacts)));
    show(incomplete, !person.orders_complete);
    timeline.update(person.timeline);
    document.title = `${customerId} · ${t("brand")}`;
    show(shown, true);
  }

  const loop = repeat(EVERY_MS, refresh, on.failed);
  const clock = setInterval(timeline.tick, 1_000);
  return {
    customerId,
    node,
    stop() {
      loop.stop();
      clearInterval(clock);
    },
  };
}

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function caseItem(ticket) {
  const told = [t(`status.${ticket.status}`), ticket.order_id, moment(ticket.created_at)];
  return h(
    "li",
    null,
    h("a", { href: `#/cases/${ticket.ticket_id}` }, `${ticket.reference} · ${ticket.subject}`),
    h("span", { class: "muted" }, ` ${told.filter(Boolean).join(" · ")}`),
  );
}

function orderItem(order, repeated) {
  const again = repeated.find((one) => one.order_id === order.order_id);
  const state = order.status === null ? t("orderUnknown") : (find(`fact.order.${order.status}`) ?? order.status);
  const when = order.status_since === null ? "" : ` · ${moment(order.status_since)}`;
  const mark = again
    ? h("a", { class: "badge wait", href: `#/cases/${again.newest}` }, t("casesOnOrder", { count: again.cases }))
    : null;
  return h("li", null, h("strong", null, order.order_id), h("span", { class: "muted" }, ` ${state}${when} `), mark);
}
