// Whether a customer came about an order before: a mark in the head of a case that opens the list of the other cases.

import { ask } from "./api.js";
import { h, show } from "./dom.js";
import { moment, t } from "./texts.js";

/** The mark: { node, update(ticket) }. It asks once for each order that the case is about, not with every refresh. */
export function repeatMark() {
  let known = null;
  const words = h("summary", { class: "badge wait" });
  const others = h("ul", { class: "related" });
  const node = h("details", { class: "repeat", hidden: true }, words, others);

  async function update(ticket) {
    const about = `${ticket.ticket_id} ${ticket.order_id}`;
    if (known === about) return;
    known = about;
    show(node, false);
    if (ticket.order_id === null) return;
    try {
      const { value } = await ask("GET", `/support/cases/${ticket.ticket_id}/related`);
      if (known === about) tell(value);
    } catch {
      known = null; // asked again with the next refresh
    }
  }

  function tell({ count, more, items }) {
    words.replaceChildren(t(count === 1 ? "repeatOne" : "repeatMany", { count: more ? `${count}+` : count }));
    others.replaceChildren(
      ...items.map((ticket) =>
        h(
          "li",
          null,
          h("a", { href: `#/cases/${ticket.ticket_id}` }, `${ticket.reference} · ${ticket.subject ?? t("hidden")}`),
          h("span", { class: "muted" }, ` ${t(`status.${ticket.status}`)} · ${moment(ticket.created_at)}`),
        ),
      ),
    );
    show(node, count > 0);
  }

  return { node, update };
}
