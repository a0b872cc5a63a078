// The form that opens a case.

import { ask } from "./api.js";
import { h, say, show } from "./dom.js";
import { currentLanguage, t } from "./texts.js";

const CHANNELS = ["PHONE", "CHAT", "EMAIL", "WEB", "SOCIAL", "API"];
const PRIORITIES = ["NORMAL", "LOW", "HIGH", "URGENT"];

/** Show the form. `about`: { customer, order } to start with; `known`: cases to suggest ids from; `opened(ticketId)`. */
export function askForCase(about, known, opened) {
  const key = { value: null };
  const fields = {
    customer_id: h("input", { required: true, value: about.customer ?? "", maxLength: 128, autocomplete: "off" }),
    order_id: h("input", { value: about.order ?? "", maxLength: 128, autocomplete: "off", placeholder: t("formOptional") }),
    channel: select(CHANNELS, "channel"),
    priority: select(PRIORITIES, "priority"),
    subject: h("input", { required: true, maxLength: 200, autocomplete: "off" }),
    description: h("textarea", { required: true, rows: 5, maxLength: 20_000 }),
    language: h("input", { value: currentLanguage(), maxLength: 35, size: 6, autocomplete: "off" }),
  };
  const suggestions = [
    suggest(fields.customer_id, "known-customers", known.map((ticket) => ticket.customer_id)),
    suggest(fields.order_id, "known-orders", known.map((ticket) => ticket.order_id)),
  ];
  fields.order_id.addEventListener("change", () => {
    const owner = known.find((ticket) => ticket.order_id === fields.order_id.value.trim());
    if (owner?.customer_id && !fields.customer_id.value) fields.customer_id.value = owner.customer_id;
  });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "primary" }, t("formOpen"));
  const labelled = (name, words) => h("label", { class: name }, h("span", { class: "label" }, words), fields[name]);
  const form = h(
    "form",
    { on: { submit: send, input: () => (key.value = null) } },
    h("h2", null, t("formTitle")),
    h(
      "div",
      { class: "fields" },
      labelled("order_id", t("order")),
      labelled("customer_id", t("customer")),
      labelled("channel", t("formChannel")),
      labelled("priority", t("priority")),
      labelled("subject", t("formSubject")),
      labelled("description", t("formDescription")),
      labelled("language", t("formLanguage")),
    ),
    suggestions,
    problem,
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: "quiet", on: { click: () => dialog.close() } }, t("formCancel")),
      button,
    ),
  );
  const dialog = h("dialog", { class: "form", "aria-label": t("formTitle"), on: { close: () => dialog.remove() } }, form);

  async function send(event) {
    event.preventDefault();
    if (button.disabled) return;
    key.value ??= crypto.randomUUID();
    button.disabled = true;
    show(problem, false);
    const filled = Object.entries(fields).map(([name, field]) => [name, field.value.trim()]);
    try {
      const { value } = await ask("POST", "/support/cases", {
        headers: { "idempotency-key": key.value },
        body: Object.fromEntries(filled.filter(([, text]) => text !== "")),
      });
      dialog.close();
      opened(value.ticket_id);
    } catch (error) {
      if (error.status !== 0) key.value = null;
      say(problem, error.words ?? String(error));
      show(problem, true);
    } finally {
      button.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  (about.order ? fields.subject : fields.order_id).focus();
}

function select(values, family) {
  return h("select", null, values.map((value) => h("option", { value }, t(`${family}.${value}`))));
}

function suggest(field, id, values) {
  field.setAttribute("list", id);
  return h("datalist", { id }, [...new Set(values.filter(Boolean))].map((value) => h("option", { value })));
}
