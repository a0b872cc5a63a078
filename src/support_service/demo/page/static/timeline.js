// The timeline of one case: how each source stands, and its facts, which change while somebody looks.

import { ask } from "./api.js";
import { h, keep, say, show } from "./dom.js";
import { detailsOf, SOURCES, titleOf, wordsOf } from "./facts.js";
import { ago, exactly, moment, t } from "./texts.js";

const GROUPED = "support.timeline";
const NEW_FOR_MS = 12_000;

/** The timeline's panel: { node, update(timeline), tick() }; of no one case it shows the newest facts only, and says so. */
export function timelinePanel(ticketId) {
  let timeline = null;
  let grouped = localStorage.getItem(GROUPED) !== "together";
  const olderEntries = new Map();
  let olderCursor;
  const firstSeen = new Map();
  let started = false;

  const verdict = h("p", { class: "verdict", role: "status" });
  const body = h("div", { class: "facts" });
  const more = h("button", { type: "button", class: "quiet", on: { click: loadOlder } }, t("loadOlder"));
  const notAll = h("p", { class: "hint", hidden: true }, t("truncated"));
  const ways = ["bySource", "together"].map((way) =>
    h("button", { type: "button", on: { click: () => choose(way === "bySource") } }, t(way)),
  );
  const node = h(
    "section",
    { class: "panel timeline", "aria-label": t("timeline") },
    h("div", { class: "panel-head" }, h("h2", null, t("timeline")), h("div", { class: "segments" }, ways)),
    verdict,
    body,
    notAll,
    more,
  );

  function choose(bySource) {
    grouped = bySource;
    localStorage.setItem(GROUPED, grouped ? "grouped" : "together");
    body.replaceChildren();
    body.kept = undefined;
    render();
  }

  async function loadOlder() {
    more.disabled = true;
    try {
      const cursor = encodeURIComponent(olderCursor ?? timeline.next_cursor);
      const { value } = await ask("GET", `/support/cases/${ticketId}/timeline?cursor=${cursor}`);
      for (const entry of value.entries) olderEntries.set(entry.entry_id, entry);
      olderCursor = value.next_cursor;
      render();
    } finally {
      more.disabled = false;
    }
  }

  function entries() {
    const all = new Map(olderEntries);
    for (const entry of timeline.entries) all.set(entry.entry_id, entry);
    for (const id of all.keys()) {
      if (!firstSeen.has(id)) firstSeen.set(id, started && !olderEntries.has(id) ? Date.now() : 0);
    }
    started = true;
    return [...all.values()];
  }

  const isNew = (entry) => Date.now() - firstSeen.get(entry.entry_id) < NEW_FOR_MS;

  function render() {
    ways[0].setAttribute("aria-pressed", String(grouped));
    ways[1].setAttribute("aria-pressed", String(!grouped));
    const silent = timeline.sources.filter((source) => source.status !== "ok");
    const words = { count: silent.length, all: timeline.sources.length };
    say(verdict, silent.length ? t("notAllCurrent", words) : t("allCurrent"));
    verdict.classList.toggle("bad", silent.length > 0);
    const facts = entries();
    keep(body, SOURCES.map(sourceOf), (source) => source.source, groupNode, (group, source) => {
      const mine = grouped ? facts.filter((entry) => entry.source === source.source) : [];
      updateGroup(group, source, mine, isNew, grouped);
    });
    merged.hidden = grouped;
    keep(merged, grouped ? [] : facts, (entry) => entry.entry_id, factNode, (fact, entry) =>
      updateFact(fact, entry, isNew(entry)),
    );
    if (merged.parentNode !== body) body.append(merged);
    const older = (olderEntries.size ? olderCursor : timeline.next_cursor) != null;
    show(more, older && ticketId !== null);
    show(notAll, older && ticketId === null);
  }

  const merged = h("ol", { class: "fact-list merged" });
  const sourceOf = (name) =>
    timeline.sources.find((source) => source.source === name) ?? {
      source: name,
      status: "unavailable",
      served_from: "none",
      as_of: null,
      truncated: false,
    };

  return {
    node,
    update(next) {
      timeline = next;
      render();
    },
    tick: () => timeline && render(),
  };
}

function groupNode(source) {
  const badge = h("span", { class: "badge" });
  const from = h("span", { class: "from" });
  const empty = h("p", { class: "empty" });
  const list = h("ol", { class: "fact-list" });
  const group = h(
    "section",
    { class: `source ${source.source}` },
    h("header", null, h("h3", null, t(`source.${source.source}`)), badge, from),
    empty,
    list,
  );
  return Object.assign(group, { parts: { badge, from, empty, list } });
}

function updateGroup(group, source, facts, isNew, withFacts) {
  const { badge, from, empty, list } = group.parts;
  group.dataset.status = source.status;
  group.classList.toggle("slim", !withFacts);
  say(badge, t(`state.${source.status}`));
  const told = [t(`from.${source.served_from}`)];
  if (source.as_of) told.push(t("asOf", { time: ago(source.as_of) }));
  if (source.truncated) told.push(t("truncated"));
  say(from, told.join(" · "));
  from.title = source.as_of ? exactly(source.as_of) : "";
  say(empty, emptyWords(source));
  show(empty, withFacts && facts.length === 0);
  keep(list, facts, (entry) => entry.entry_id, factNode, (fact, entry) => updateFact(fact, entry, isNew(entry)));
}

function emptyWords(source) {
  if (source.status === "unavailable") return t("nothingKnown");
  return source.status === "stale" ? t("nothingStored") : t("nothing");
}

function factNode(entry) {
  const title = h("strong");
  const when = h("time");
  const fresh = h("span", { class: "badge new" }, t("newFact"));
  const details = h("p", { class: "details" });
  const quote = h("blockquote", { hidden: true });
  const id = h("p", { class: "ids" });
  const fact = h(
    "li",
    { class: `fact ${entry.source}` },
    h("div", { class: "fact-head" }, title, fresh, when),
    details,
    quote,
    id,
  );
  return Object.assign(fact, { parts: { title, when, fresh, details, quote, id } });
}

function updateFact(fact, entry, isNew) {
  const { title, when, fresh, details, quote, id } = fact.parts;
  show(fresh, isNew);
  fact.classList.toggle("is-new", isNew);
  if (fact.shown === entry) return;
  fact.shown = entry;
  say(title, titleOf(entry));
  when.dateTime = entry.occurred_at;
  when.title = exactly(entry.occurred_at);
  say(when, entry.data.time_known === false ? t("timeUnknown") : moment(entry.occurred_at));
  say(details, detailsOf(entry).join(" · "));
  show(details, details.textContent !== "");
  const words = wordsOf(entry);
  say(quote, words ? [words.title, words.comment].filter(Boolean).join("\n") : "");
  show(quote, words !== null);
  say(id, entry.entity_id === entry.order_id ? entry.entity_id : `${entry.order_id} · ${entry.entity_id}`);
}
