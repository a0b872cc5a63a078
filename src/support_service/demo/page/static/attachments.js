// Files in a message: chosen, dropped or pasted while it is written, and fetched while it is read.

import { ask, Refused } from "./api.js";
import { h, keep, say, show } from "./dom.js";
import { fileSize, find, t } from "./texts.js";

const MOST = 10;
const OFFICE = "application/vnd.openxmlformats-officedocument.";
const OPEN_DOCUMENT = "application/vnd.oasis.opendocument.";

/** Browsers do not agree on what some of these are, so the name decides. */
const TYPES = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  heif: "image/heif",
  pdf: "application/pdf",
  txt: "text/plain",
  log: "text/plain",
  csv: "text/csv",
  docx: `${OFFICE}wordprocessingml.document`,
  xlsx: `${OFFICE}spreadsheetml.sheet`,
  pptx: `${OFFICE}presentationml.presentation`,
  odt: `${OPEN_DOCUMENT}text`,
  ods: `${OPEN_DOCUMENT}spreadsheet`,
  odp: `${OPEN_DOCUMENT}presentation`,
};

/**
 * What a draft holds besides its text: { button, node, catches(form, text), blocked(), ids(), clear() }.
 * `draft.files` outlives it; `changed()` is told when other files would be sent.
 */
export function filePicker(ticketId, draft, changed) {
  draft.files ??= [];
  const input = h("input", { type: "file", multiple: true, hidden: true, on: { change: chosen } });
  const button = h("button", { type: "button", class: "quiet", on: { click: () => input.click() } }, t("attach"));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const list = h("ul", { class: "files", "aria-label": t("files") });
  const told = h("span", { class: "unseen", role: "status" });
  const node = h("div", { class: "picked" }, list, problem, told, input);

  function chosen() {
    take([...input.files]);
    input.value = "";
  }

  function take(files) {
    const room = MOST - draft.files.length;
    show(problem, files.length > room);
    say(problem, t("filesTooMany", { most: MOST }));
    for (const file of files.slice(0, room)) {
      const entry = { file, name: file.name, state: "reading", part: 0, id: null, why: null, stop: new AbortController() };
      draft.files.push(entry);
      upload(ticketId, entry, () => draft.draw()).then(() => say(told, `${entry.name}: ${t(`file.${entry.state}`)}`));
    }
    changed();
    draw();
  }

  function remove(entry) {
    const place = draft.files.indexOf(entry);
    entry.stop.abort();
    draft.files.splice(place, 1);
    say(told, t("fileRemoved", { name: entry.name }));
    changed();
    draw();
    (list.querySelectorAll("button")[Math.min(place, draft.files.length - 1)] ?? button).focus();
  }

  function draw() {
    keep(list, draft.files, (entry) => entry, (entry) => pickedNode(entry, () => remove(entry)), updatePicked);
  }

  /** Have what is dropped on the form, or pasted into the text, attached. */
  function catches(form, text) {
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (on) => (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      form.classList.toggle("over", on);
    };
    form.addEventListener("dragover", over(true));
    form.addEventListener("dragleave", over(false));
    form.addEventListener("drop", (event) => {
      over(false)(event);
      if (holdsFiles(event)) take([...event.dataTransfer.files]);
    });
    text.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (!files.length) return;
      event.preventDefault();
      take(files);
    });
  }

  draft.draw = draw; // what is on its way when the case is left is told where it is looked at next
  draw();
  return {
    button,
    node,
    catches,
    /** Why the message cannot be sent yet, in words; null when it can. */
    blocked() {
      if (draft.files.some((entry) => entry.state === "failed")) return t("filesFailed");
      return draft.files.every((entry) => entry.state === "ready") ? null : t("filesBusy");
    },
    ids: () => draft.files.map((entry) => entry.id),
    clear() {
      draft.files.length = 0;
      draw();
    },
  };
}

/** Ask, upload, have it checked. Whatever goes wrong is told in the entry. */
async function upload(ticketId, entry, draw) {
  const path = `/support/cases/${ticketId}/attachments`;
  const step = (state, part = entry.part) => {
    Object.assign(entry, { state, part });
    draw();
  };
  try {
    const body = await declared(entry.file);
    entry.stop.signal.throwIfAborted();
    const requested = (await ask("POST", path, { body })).value;
    step("sending");
    await post(requested.upload, entry, (part) => step("sending", part));
    step("checking", 1);
    const checked = (await ask("POST", `${path}/${requested.attachment_id}/complete`)).value;
    entry.id = checked.attachment_id;
    if (checked.state === "ready") return step("ready");
    entry.why = t("fileRejected");
  } catch (error) {
    entry.why = error.words ?? t("problem.unknown");
  }
  return step("failed");
}

async function declared(file) {
  const ending = file.name.split(".").pop().toLowerCase();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return {
    file_name: file.name,
    content_type: TYPES[ending] ?? (file.type.split(";")[0] || "application/octet-stream"),
    size: file.size,
    sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}

// By XMLHttpRequest: fetch does not tell how far an upload is.
function post(form, entry, progress) {
  const data = new FormData();
  for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
  data.append("file", entry.file);
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.url);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? done() : failed(new Refused(request.status, problemIn(request.responseText))));
    request.onerror = request.onabort = () => failed(new Refused(0));
    entry.stop.signal.addEventListener("abort", () => request.abort());
    request.send(data);
  });
}

function problemIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pickedNode(entry, remove) {
  const size = h("span", { class: "muted" }, fileSize(entry.file.size));
  const bar = h("progress", { max: 1, "aria-label": entry.name });
  const state = h("span", { class: "muted" });
  const away = h("button", { type: "button", class: "quiet", "aria-label": t("removeFile", { name: entry.name }), on: { click: remove } }, "×");
  const item = h("li", { class: "file" }, h("bdi", { class: "file-name" }, entry.name), size, bar, state, away);
  return Object.assign(item, { parts: { bar, state } });
}

function updatePicked(item, entry) {
  const { bar, state } = item.parts;
  item.dataset.state = entry.state;
  bar.value = entry.part;
  show(bar, entry.state === "sending" || entry.state === "checking");
  say(state, entry.why ?? t(`file.${entry.state}`));
}

/** The files that a message holds, each to be saved; null when it holds none. */
export function attachedFiles(message) {
  if (!message.attachments.length) return null;
  const items = message.attachments.map((file) => {
    const told = h("span", { class: "muted", role: "status" }, fileSize(file.size));
    if (file.file_name === null) return h("li", { class: "file" }, h("span", { class: "muted" }, t("hidden")), told);
    const name = h("bdi", { class: "file-name" }, file.file_name);
    const save = h("button", { type: "button", class: "quiet", title: t("download"), on: { click: () => fetchFile(message, file, told) } }, name);
    return h("li", { class: "file" }, save, told);
  });
  return h("ul", { class: "files", "aria-label": t("files") }, items);
}

async function fetchFile(message, file, told) {
  try {
    const { value } = await ask("GET", `/support/cases/${message.ticket_id}/attachments/${file.attachment_id}`);
    h("a", { href: value.download_url, download: file.file_name }).click();
    say(told, fileSize(file.size));
  } catch (error) {
    say(told, error.words ?? find("problem.unknown"));
  }
}
