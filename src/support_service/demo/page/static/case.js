// One case: its head with what can be changed, its conversation and its timeline, refreshed while somebody looks.

import { ask, is, nameOf, repeat, session } from "./api.js";
import { conversationPanel } from "./conversation.js";
import { h, say, show } from "./dom.js";
import { repeatMark } from "./related.js";
import { duration, exactly, moment, t } from "./texts.js";
import { timelinePanel } from "./timeline.js";

const EVERY_MS = 2_000;
const UNFINISHED = ["OPEN", "PENDING", "ON_HOLD"];
const MOVES = {
  OPEN: ["PENDING", "ON_HOLD", "RESOLVED", "CLOSED"],
  PENDING: ["OPEN", "ON_HOLD", "RESOLVED", "CLOSED"],
  ON_HOLD: ["OPEN", "PENDING", "RESOLVED", "CLOSED"],
  RESOLVED: ["OPEN", "CLOSED"],
  CLOSED: [],
};
const PRIORITIES = ["LOW", "NORMAL", "HIGH", "URGENT"];

/**
 * The view of a case: { node, stop, focusReply, ticketId }.
 * `on.changed()`, `on.failed(error)`, `on.open(path)`, `on.newCase(about)`, `on.teams()` belong to the page around it.
 */
export function caseView(ticketId, on) {
  let detail = null;
  let etag = null;
  let drawn = false;
  let changes = Promise.resolve();

  const head = caseHead((fields) => change(fields), () => on.newCase({ customer: detail.customer_id, order: detail.order_id }), on.teams);
  const conversation = conversationPanel(ticketId, sent);
  const timeline = timelinePanel(ticketId);
  const gone = h("p", { class: "empty big", hidden: true }, t("caseGone"));
  const columns = h("div", { class: "columns" }, conversation.node, timeline.node);
  const shown = h("div", { class: "case-shown", hidden: true }, head.node, columns);
  const node = h("div", { class: "case" }, h("a", { class: "back", href: "#/" }, `‹ ${t("back")}`), gone, shown);

  async function refresh() {
    let answer;
    try {
      answer = await ask("GET", `/support/cases/${ticketId}?includeTimeline=true`, { seen: etag });
    } catch (error) {
      if (error.status !== 404 && error.status !== 422) throw error;
      show(gone, true);
      show(shown, false);
      loop.stop(); // what is out of sight is asked for once: every time goes on record
      return;
    }
    show(shown, true);
    etag = answer.etag;
    if (answer.value || !drawn) {
      drawn = true;
      detail = answer.value ?? detail;
      head.update(detail);
      conversation.update(detail);
      timeline.update(detail.timeline);
      document.title = `${detail.reference} · ${t("brand")}`;
    }
  }

  // One after the other: each change names the version that the one before made.
  const change = (fields) => (changes = changes.then(() => changeNow(fields)));

  async function changeNow(fields) {
    try {
      ({ etag } = await ask("PATCH", `/support/cases/${ticketId}`, { headers: { "if-match": etag }, body: fields }));
      head.problem(null);
    } catch (error) {
      head.problem(error.status === 412 ? t("changedMeanwhile") : (error.words ?? String(error)));
      drawn = false;
    }
    await loop.now();
    on.changed();
  }

  async function sent(location) {
    await loop.now();
    on.changed();
    const elsewhere = location?.split("/").pop();
    if (elsewhere && elsewhere !== ticketId) on.open(elsewhere);
  }

  const loop = repeat(EVERY_MS, refresh, on.failed);
  const clock = setInterval(() => {
    conversation.tick();
    timeline.tick();
    head.tick();
  }, 1_000);
  return {
    ticketId,
    node,
    focusReply: conversation.focus,
    stop() {
      loop.stop();
      clearInterval(clock);
    },
  };
}

function caseHead(change, newCase, teams) {
  const mayEdit = is("AGENT", "SUPERVISOR");
  let ticket = null;
  const reference = h("span", { class: "reference" });
  const subject = h("h1", { id: "main", tabIndex: -1 });
  const facts = h("dl", { class: "case-facts" });
  const repeat = repeatMark();
  const waits = h("span", { class: "badge wait" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const status = select("status", (value) => change({ status: value }));
  const priority = select("priority", (value) => change({ priority: value }));
  const team = select("team", (value) => change({ team: value || null }));
  const holder = h("span");
  const take = h("button", { type: "button", class: "quiet", on: { click: () => give() } });
  const again = h("button", { type: "button", class: "quiet", on: { click: newCase } }, t("caseOnOrder"));
  const node = h(
    "header",
    { class: "case-head" },
    h("div", { class: "row start" }, reference, waits, repeat.node),
    subject,
    facts,
    h(
      "div",
      { class: "controls" },
      status.node,
      priority.node,
      team.node,
      h("span", { class: "control" }, h("span", { class: "label" }, t("assignee")), holder, mayEdit ? take : null),
      mayEdit ? again : null,
    ),
    problem,
  );

  const isMine = () => ticket.assignee === session.me.agent_id;
  const give = () => change({ assignee: isMine() ? null : session.me.agent_id });

  function select(name, chosen) {
    const box = h("select", { disabled: !mayEdit, on: { change: () => chosen(box.value) } });
    const label = h("label", { class: `control ${name}` }, h("span", { class: "label" }, t(name)), box);
    return { node: label, box };
  }

  function choices(control, values, current, words) {
    const wanted = values.map((value) => `${value}\n${words(value)}`).join("\n\n");
    if (control.wanted !== wanted) {
      control.wanted = wanted;
      control.box.replaceChildren(...values.map((value) => h("option", { value }, words(value))));
    }
    if (control.box.value !== current && document.activeElement !== control.box) control.box.value = current;
  }

  function update(next) {
    ticket = next;
    say(reference, `${next.reference} · ${t(`channel.${next.channel}`)} · ${t("openedAt", { time: moment(next.created_at) })}`);
    reference.title = exactly(next.created_at);
    say(subject, next.subject ?? next.reference);
    const rows = [
      [t("customer"), customerLink(next.customer_id)],
      [t("order"), next.order_id ?? t("noOrder")],
    ];
    facts.replaceChildren(...rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
    repeat.update(next);
    if (next.linked_ticket_id) {
      const link = h("a", { href: `#/cases/${next.linked_ticket_id}` }, t("linked"));
      facts.append(h("dd", null, link));
    }
    choices(status, [next.status, ...MOVES[next.status]], next.status, (value) => t(`status.${value}`));
    status.node.dataset.value = next.status;
    choices(priority, PRIORITIES, next.priority, (value) => t(`priority.${value}`));
    priority.node.dataset.value = next.priority;
    const known = [...new Set([...teams(), next.team].filter(Boolean))].sort();
    choices(team, ["", ...known], next.team ?? "", (value) => value || t("noTeam"));
    say(holder, next.assignee ? nameOf(next.assignee, () => update(ticket)) : t("nobody"));
    say(take, isMine() ? t("letGo") : t("take"));
    show(again, Boolean(next.customer_id));
    tick();
  }

  function tick() {
    if (!ticket) return;
    const waiting = ticket.awaiting_since !== null && UNFINISHED.includes(ticket.status);
    show(waits, waiting);
    if (waiting) say(waits, t("waiting", { time: duration((Date.now() - Date.parse(ticket.awaiting_since)) / 1000) }));
  }

  return {
    node,
    update,
    tick,
    problem(words) {
      show(problem, words !== null);
      say(problem, words ?? "");
    },
  };
}

/** The customer's id; for who may know the customer a link to their page. */
function customerLink(customerId) {
  if (customerId === null) return t("hidden");
  if (!is("AGENT", "SUPERVISOR")) return customerId;
  return h("a", { href: `#/customers/${encodeURIComponent(customerId)}`, title: t("customerPage") }, customerId);
}
