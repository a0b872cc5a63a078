// The list of cases in one's sight, with its filters and pages.

import { ask, is, nameOf, repeat, session } from "./api.js";
import { h, keep, say, show } from "./dom.js";
import { duration, exactly, moment, t } from "./texts.js";

const EVERY_MS = 4_000;
const PAGE = 25;
const MORE_LOOKS = 4;
const UNFINISHED = ["OPEN", "PENDING", "ON_HOLD"];
const STATUSES = [...UNFINISHED, "RESOLVED", "CLOSED"];

const chosen = { status: "unfinished", mine: false, team: "", words: "", order: "" };

/** The list: { node, refresh, stop, mark(ticketId), move(step), search(), teams(), cases() }. */
export function listView(on) {
  let cases = [];
  let cursor = null;
  let pages = 1;
  let open = null;
  const teams = new Set(session.me.teams);

  const status = h(
    "select",
    { "aria-label": t("status"), on: { change: () => filter({ status: status.value }) } },
    [["unfinished", t("filterUnfinished")], ["", t("filterAll")], ...STATUSES.map((value) => [value, t(`status.${value}`)])].map(
      ([value, words]) => h("option", { value }, words),
    ),
  );
  const team = h("select", { "aria-label": t("team"), on: { change: () => filter({ team: team.value }) } });
  const mine = h("input", { type: "checkbox", on: { change: () => filter({ mine: mine.checked }) } });
  // One box for all that can be found; who may read no text has an order's id to look for.
  const byWords = is("AGENT", "SUPERVISOR");
  const label = t(byWords ? "search" : "filterOrder");
  const box = h("input", { type: "search", maxLength: 200, placeholder: label, "aria-label": label });
  const search = h(
    "form",
    { class: "search", role: "search", on: { submit: find } },
    box,
    h("button", { class: "quiet" }, t(byWords ? "find" : "filterShow")),
  );
  box.addEventListener("search", find);
  const empty = h("p", { class: "empty", hidden: true }, t("noCases"));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const list = h("ol", { class: "cases" });
  const more = h("button", { type: "button", class: "quiet", hidden: true, on: { click: showMore } }, t("more"));
  const node = h(
    "nav",
    { class: "list", "aria-label": t("cases") },
    h(
      "div",
      { class: "list-head" },
      h("h2", null, t("cases")),
      is("AGENT", "SUPERVISOR")
        ? h("button", { type: "button", class: "primary", on: { click: () => on.newCase({}) } }, t("newCase"))
        : null,
    ),
    h(
      "div",
      { class: "filters" },
      status,
      team,
      is("AGENT", "SUPERVISOR") ? h("label", { class: "check" }, mine, t("filterMine")) : null,
      search,
    ),
    problem,
    empty,
    list,
    more,
  );
  status.value = chosen.status;
  mine.checked = chosen.mine;
  box.value = byWords ? chosen.words : chosen.order;
  dressTeams();

  function dressTeams() {
    const values = ["", ...[...teams].sort()];
    if (values.length === team.options.length) return;
    team.replaceChildren(...values.map((value) => h("option", { value }, value || t("filterTeam"))));
    team.value = chosen.team;
  }

  function find(event) {
    event.preventDefault();
    const wanted = box.value.trim();
    if (wanted !== (byWords ? chosen.words : chosen.order)) filter(byWords ? { words: wanted } : { order: wanted });
  }

  function filter(change) {
    Object.assign(chosen, change);
    pages = 1;
    loop.now();
  }

  async function showMore() {
    pages += 1;
    more.disabled = true;
    await loop.now();
    more.disabled = false;
  }

  function query(after) {
    const asked = new URLSearchParams({ limit: String(PAGE) });
    const statuses = chosen.status === "unfinished" ? UNFINISHED : [chosen.status].filter(Boolean);
    for (const value of statuses) asked.append("status", value);
    if (chosen.mine) asked.set("assignee", session.me.agent_id);
    if (chosen.team) asked.set("team", chosen.team);
    if (byWords && chosen.words) asked.set("q", chosen.words);
    if (!byWords && chosen.order) asked.set("order_id", chosen.order);
    if (after) asked.set("cursor", after);
    return asked;
  }

  async function refresh() {
    const found = [];
    let after = null;
    let left = pages + MORE_LOOKS;
    try {
      do {
        const { value } = await ask("GET", `/support/cases?${query(after)}`);
        found.push(...value.items);
        after = value.next_cursor;
        left -= 1;
      } while (after && left > 0 && found.length < pages * PAGE); // a page of a search may hold fewer and go on
      show(problem, false);
    } catch (error) {
      if (error.status !== 422) throw error;
      say(problem, error.words);
      show(problem, true);
    }
    [cases, cursor] = [found, after];
    for (const ticket of cases) if (ticket.team) teams.add(ticket.team);
    dressTeams();
    render();
  }

  function render() {
    keep(list, cases, (ticket) => ticket.ticket_id, itemNode, (item, ticket) => updateItem(item, ticket, render));
    say(empty, t(cursor === null ? "noCases" : "noCasesYet"));
    show(empty, cases.length === 0 && problem.hidden);
    show(more, cursor !== null);
    mark(open);
  }

  function mark(ticketId) {
    open = ticketId;
    for (const [id, item] of list.kept ?? []) {
      if (id === open) item.firstChild.setAttribute("aria-current", "page");
      else item.firstChild.removeAttribute("aria-current");
    }
  }

  function move(step) {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const from = at >= 0 ? at : links.findIndex((link) => link.hasAttribute("aria-current"));
    links[Math.min(links.length - 1, Math.max(0, from < 0 ? 0 : from + step))]?.focus();
  }

  const loop = repeat(EVERY_MS, refresh, on.failed);
  const clock = setInterval(render, 15_000);
  return {
    node,
    mark,
    move,
    search() {
      box.focus();
      box.select();
    },
    refresh: loop.now,
    teams: () => [...(is("SUPERVISOR") ? teams : session.me.teams)],
    cases: () => cases,
    stop() {
      loop.stop();
      clearInterval(clock);
    },
  };
}

function itemNode(ticket) {
  const subject = h("strong");
  const when = h("time", { dateTime: ticket.created_at, title: exactly(ticket.created_at) }, moment(ticket.created_at));
  const about = h("span", { class: "muted" });
  const badges = h("span", { class: "badges" });
  const link = h(
    "a",
    { href: `#/cases/${ticket.ticket_id}` },
    h("span", { class: "item-head" }, subject, when),
    h("span", { class: "item-foot" }, about, badges),
  );
  return Object.assign(h("li", null, link), { parts: { subject, about, badges } });
}

function updateItem(item, ticket, learnt) {
  const { subject, about, badges } = item.parts;
  say(subject, ticket.subject ?? ticket.reference);
  const holder = ticket.assignee ? nameOf(ticket.assignee, learnt) : null;
  say(about, [ticket.subject && ticket.reference, ticket.team, holder].filter(Boolean).join(" · "));
  const told = [];
  if (ticket.awaiting_since && UNFINISHED.includes(ticket.status)) {
    const wait = duration((Date.now() - Date.parse(ticket.awaiting_since)) / 1000);
    told.push(["wait", t("waiting", { time: wait })]);
  }
  if (["HIGH", "URGENT"].includes(ticket.priority)) told.push([ticket.priority.toLowerCase(), t(`priority.${ticket.priority}`)]);
  if (ticket.status !== "OPEN") told.push([ticket.status.toLowerCase(), t(`status.${ticket.status}`)]);
  const wanted = told.flat().join("\n");
  if (item.badged === wanted) return;
  item.badged = wanted;
  badges.replaceChildren(...told.map(([kind, words]) => h("span", { class: `badge ${kind}` }, words)));
}
