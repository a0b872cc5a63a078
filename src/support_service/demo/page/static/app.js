// The page: signing in, the frame around list and case, keys, language.

import { ask, people, Refused, repeat, session, signIn, signOut } from "./api.js";
import { caseView } from "./case.js";
import { customerView } from "./customer.js";
import { h, isTyping, say, show } from "./dom.js";
import { listView } from "./list.js";
import { askForCase } from "./newcase.js";
import { duration, setLanguage, t } from "./texts.js";

const WORKLOAD_EVERY_MS = 5_000;

const at = (id) => document.getElementById(id);
const frame = at("frame");
let list = null;
let open = null;
let load = null;
const failing = new Set();

function dressFrame() {
  for (const node of document.querySelectorAll("[data-text]")) say(node, t(node.dataset.text));
  say(at("language"), t("otherLanguage"));
  at("language").lang = t("otherLanguageCode");
  say(at("keys"), t("keys"));
  say(at("banner"), t("offline"));
  say(at("who"), session ? `${session.person.name} · ${session.me.roles.map((role) => t(`role.${role}`)).join(", ")}` : "");
  show(at("sign-out"), session !== null);
  show(at("keys"), session !== null);
}

/** Tell of a part that cannot reach the service, until it can again. */
const watch = (part) => (error) => {
  const away = error !== null && (!(error instanceof Refused) || error.status === 0 || error.status >= 500);
  if (away) failing.add(part);
  else failing.delete(part);
  show(at("banner"), failing.size > 0);
};

function stopAll() {
  for (const part of [list, open, load]) part?.stop();
  list = open = load = null;
  failing.clear();
  show(at("banner"), false);
  say(at("workload"), "");
}

function start() {
  stopAll();
  dressFrame();
  document.title = t("brand");
  if (session === null) {
    showSignIn();
    return;
  }
  list = listView({ failed: watch("list"), newCase });
  load = repeat(WORKLOAD_EVERY_MS, showWorkload, watch("workload"));
  frame.className = "frame desk";
  frame.replaceChildren(list.node, h("main", { id: "place" }));
  route();
}

async function showSignIn() {
  frame.className = "frame";
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const cards = h("div", { class: "people" });
  frame.replaceChildren(
    h("main", { class: "sign-in" }, h("h1", null, t("signInTitle")), h("p", null, t("signInText")), problem, cards),
  );
  const failed = (error) => {
    say(problem, `${t("signInFailed")} ${error.words ?? error}`);
    show(problem, true);
  };
  try {
    for (const person of await people()) {
      const role = person.roles.map((name) => t(`role.${name}`)).join(", ");
      const enter = () => signIn(person).then(start, failed);
      cards.append(
        h(
          "button",
          { type: "button", class: "person", on: { click: enter } },
          h("span", { class: "face", "aria-hidden": "true" }, initials(person.name)),
          h("span", null, h("strong", null, person.name), h("span", { class: "muted" }, [role, ...person.teams].join(" · "))),
        ),
      );
    }
    cards.querySelector("button")?.focus();
  } catch (error) {
    failed(error);
  }
}

const initials = (name) => {
  const parts = name.split(" ");
  return (parts[0][0] + (parts.length > 1 ? parts.at(-1)[0] : "")).toUpperCase();
};

async function showWorkload() {
  const { value } = await ask("GET", `/support/agents/${session.me.agent_id}/workload`);
  const wait = value.oldest_wait_seconds;
  say(at("workload"), t(wait > 0 ? "workloadWaiting" : "workload", { open: value.open, wait: duration(wait) }));
}

function newCase(about) {
  if (document.querySelector("dialog[open]")) return;
  askForCase(about, list.cases(), (ticketId) => {
    list.refresh();
    location.hash = `#/cases/${ticketId}`;
  });
}

function customerIn(hash) {
  const coded = /^#\/customers\/(.+)$/.exec(hash)?.[1];
  try {
    return coded === undefined ? null : decodeURIComponent(coded);
  } catch {
    return null;
  }
}

function route() {
  if (session === null || list === null) return;
  const ticketId = /^#\/cases\/([0-9a-f-]{36})$/.exec(location.hash)?.[1] ?? null;
  const customerId = customerIn(location.hash);
  if (ticketId !== null && open?.ticketId === ticketId) return;
  if (customerId !== null && open?.customerId === customerId) return;
  open?.stop();
  open = null;
  watch("case")(null);
  list.mark(ticketId);
  frame.dataset.open = String(ticketId !== null || customerId !== null);
  const place = at("place");
  if (customerId !== null) {
    open = customerView(customerId, { failed: watch("case") });
    place.replaceChildren(open.node);
    place.scrollTop = 0;
    return;
  }
  if (ticketId === null) {
    document.title = t("brand");
    place.replaceChildren(h("p", { class: "empty big" }, t("noCaseOpen")));
    return;
  }
  open = caseView(ticketId, {
    failed: watch("case"),
    changed: () => {
      list.refresh();
      load.now();
    },
    open: (id) => (location.hash = `#/cases/${id}`),
    newCase,
    teams: () => list.teams(),
  });
  place.replaceChildren(open.node);
  place.scrollTop = 0;
}

function pressed(event) {
  if (session === null || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (isTyping(event.target)) event.target.blur();
    else location.hash = "#/";
    return;
  }
  if (isTyping(event.target)) return;
  const acts = {
    j: () => list.move(1),
    k: () => list.move(-1),
    r: () => open?.focusReply?.(),
    "/": () => list.search(),
    n: () => session.me.roles.some((role) => role !== "ANALYST") && newCase({}),
  };
  if (event.key in acts) {
    event.preventDefault();
    acts[event.key]();
  }
}

at("language").addEventListener("click", () => {
  setLanguage(t("otherLanguageCode"));
  start();
});
at("sign-out").addEventListener("click", () => {
  signOut();
  location.hash = "#/";
  start();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("main")?.focus();
});
document.addEventListener("keydown", pressed);
addEventListener("hashchange", route);
start();
