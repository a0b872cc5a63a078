// Beside each reply: whether it has reached the customer.

import { h, say, show } from "./dom.js";
import { duration, exactly, moment, t } from "./texts.js";

const LATE_S = 300;

/** The mark of one reply: { node, update(message, carrier), tick() }. What it says is text; colour only underlines it. */
export function deliveryMark() {
  const words = h("span");
  const when = h("time");
  const node = h("p", { class: "delivery", hidden: true }, words, when);
  let queuedAt = null;

  function update(message, carrier) {
    const reply = message.author_type === "AGENT" && !message.internal;
    const delivery = message.delivery;
    const state = delivery?.state ?? (carrier === null ? "none" : null); // else from before replies were followed
    show(node, reply && state !== null);
    if (!reply || state === null) return;
    queuedAt = state === "queued" ? Date.parse(message.created_at) : null;
    if (state === "failed" && (node.dataset.state ?? "failed") !== "failed") node.setAttribute("role", "alert");
    if (state !== "failed") node.removeAttribute("role");
    node.dataset.state = state;
    say(words, state === "failed" ? t("delivery.failed", { reason: t(`failure.${delivery.reason}`) }) : t(`delivery.${state}`));
    const at = delivery?.reported_at;
    say(when, at ? moment(at) : "");
    if (at) Object.assign(when, { dateTime: at, title: exactly(at) });
    tick();
  }

  function tick() {
    if (queuedAt === null) return;
    const waited = (Date.now() - queuedAt) / 1000;
    if (waited < LATE_S) return;
    node.dataset.state = "late";
    say(words, t("delivery.late", { time: duration(waited) }));
  }

  return { node, update, tick };
}
