// The conversation of one case and the box to write in.

import { attachedFiles, filePicker } from "./attachments.js";
import { ask, is, nameOf, session } from "./api.js";
import { deliveryMark } from "./delivery.js";
import { h, keep, say, show } from "./dom.js";
import { exactly, moment, t } from "./texts.js";

const MODES = { reply: {}, note: { internal: true }, words: { on_behalf_of_customer: true } };

/** What was typed and not sent, by case. */
const drafts = new Map();

/** The conversation's panel: { node, update(detail), focus() }; `sent(location)` is told after something was sent. */
export function conversationPanel(ticketId, sent) {
  let detail = null;
  const draft = drafts.get(ticketId) ?? { mode: "reply", text: "", key: null };
  drafts.set(ticketId, draft);

  const older = h("p", { class: "empty", hidden: true }, t("older"));
  const list = h("ol", { class: "messages" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const hint = h("p", { class: "hint" });
  const text = h("textarea", {
    rows: 4,
    maxLength: 20_000,
    value: draft.text,
    "aria-label": t("message"),
    on: { input: typed, keydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && send(event) },
  });
  const files = filePicker(ticketId, draft, () => (draft.key = null));
  const modes = Object.keys(MODES).map((mode) =>
    h("button", { type: "button", on: { click: () => choose(mode) } }, t(mode)),
  );
  const button = h("button", { type: "submit", class: "primary" }, t("send"));
  const form = h(
    "form",
    { class: "reply", hidden: !is("AGENT", "SUPERVISOR"), on: { submit: send } },
    h("div", { class: "segments" }, modes),
    text,
    files.node,
    hint,
    problem,
    h("div", { class: "row" }, files.button, h("span", { class: "muted" }, t("sendHint")), button),
  );
  files.catches(form, text);
  const node = h(
    "section",
    { class: "panel conversation", "aria-label": t("conversation") },
    h("div", { class: "panel-head" }, h("h2", null, t("conversation"))),
    older,
    list,
    form,
  );

  function typed() {
    draft.text = text.value;
    draft.key = null;
  }

  function choose(mode) {
    draft.mode = mode;
    draft.key = null;
    dress();
    text.focus();
  }

  function dress() {
    const closed = detail?.status === "CLOSED";
    if (closed && draft.mode === "reply") draft.mode = "note";
    Object.keys(MODES).forEach((mode, place) => {
      modes[place].setAttribute("aria-pressed", String(mode === draft.mode));
      modes[place].disabled = closed && mode === "reply";
    });
    form.dataset.mode = draft.mode;
    const undelivered = draft.mode === "reply" && detail?.carrier === null;
    say(hint, closed ? t("closedHint") : undelivered ? t("nobodyDeliversHint") : t(`${draft.mode}Hint`));
  }

  async function send(event) {
    event.preventDefault();
    const message = text.value.trim();
    const blocked = files.blocked() ?? (!message && files.ids().length ? t("textNeeded") : null);
    show(problem, blocked !== null);
    if (blocked) say(problem, blocked);
    if (!message || blocked || button.disabled) return;
    draft.key ??= crypto.randomUUID();
    button.disabled = true;
    try {
      const seen = detail.conversation.at(-1)?.conversation_id;
      const { location } = await ask("POST", `/support/cases/${ticketId}/messages`, {
        headers: { "idempotency-key": draft.key },
        body: { message, ...MODES[draft.mode], ...(seen ? { seen_through: seen } : {}), attachment_ids: files.ids() },
      });
      Object.assign(draft, { text: "", key: null });
      text.value = "";
      files.clear();
      await sent(location);
    } catch (error) {
      // The key is kept only if nobody knows whether the message arrived: then sending again cannot double it.
      if (error.status !== 0) draft.key = null;
      say(problem, error.code === "conversation-moved" ? t("movedOn") : (error.words ?? String(error)));
      show(problem, true);
      if (error.code === "conversation-moved") await sent(null);
    } finally {
      button.disabled = false;
    }
  }

  function update(next) {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const first = detail === null;
    detail = next;
    show(older, next.older_messages);
    const learnt = () => update(detail);
    keep(list, next.conversation, (message) => message.conversation_id, messageNode, (item, message) =>
      updateMessage(item, message, learnt, next.carrier),
    );
    if (first || atEnd) list.scrollTop = list.scrollHeight;
    dress();
  }

  const tick = () => list.kept?.forEach((item) => item.parts.mark.tick());

  return { node, update, tick, focus: () => !form.hidden && text.focus() };
}

function messageNode(message) {
  const author = h("strong");
  const tags = h("span", { class: "muted" });
  const when = h("time", { dateTime: message.created_at, title: exactly(message.created_at) }, moment(message.created_at));
  const words = h("p", { class: "words" });
  const mark = deliveryMark();
  const kind = message.internal ? "note" : message.author_type.toLowerCase();
  const mine = message.author_id === session.me.agent_id && message.author_type === "AGENT";
  const files = attachedFiles(message) ?? "";
  const head = h("header", null, author, tags, when);
  const item = h("li", { class: `message ${kind}${mine ? " mine" : ""}` }, head, words, files, mark.node);
  return Object.assign(item, { parts: { author, tags, words, mark } });
}

function updateMessage(item, message, learnt, carrier) {
  const { author, tags, words, mark } = item.parts;
  const byAgent = message.author_type === "AGENT";
  say(author, byAgent ? nameOf(message.author_id, learnt) : t(`author.${message.author_type}`));
  const told = [];
  if (message.internal) told.push(t("note"));
  if (message.recorded_by) {
    const mine = message.recorded_by === session.me.agent_id;
    told.push(mine ? t("recordedByYou") : t("recordedBy", { name: nameOf(message.recorded_by, learnt) }));
  }
  say(tags, told.join(" · "));
  say(words, message.message ?? t("hidden"));
  words.classList.toggle("muted", message.message === null);
  mark.update(message, carrier);
}
