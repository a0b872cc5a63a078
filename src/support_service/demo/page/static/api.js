// Talking to the API: who is signed in, requests, and asking again and again while somebody looks.

import { find, t } from "./texts.js";

const KEPT = "support.session";
const TIMEOUT_MS = 15_000;

/** Who is signed in in this tab: { token, person, me }, or null. */
export let session = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

/** An answer that is not a success; `status` is 0 when there was none. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.title ?? "");
    this.status = status;
    this.problem = problem ?? {};
    this.code = String(this.problem.type ?? "").split(":").pop();
  }

  /** What happened, for the person who reads it. */
  get words() {
    const fields = (this.problem.errors ?? []).map((field) => `${field.pointer.replace("/", "")}: ${field.detail}`);
    const told = find(`problem.${this.code}`) ?? this.problem.detail ?? this.problem.title ?? t("problem.unknown");
    return [told, ...fields].join(" ");
  }
}

// `seen` is the ETag of what is shown: the answer is not older, and has no value when it is still that.
async function send(method, path, { body, headers, token, seen } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
        ...(seen ? { "if-none-match": seen } : {}),
        ...headers,
      },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    const value = text ? JSON.parse(text) : null;
    if (!response.ok && response.status !== 304) throw new Refused(response.status, value);
    return { value, etag: response.headers.get("etag"), location: response.headers.get("location") };
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(0);
  }
}

/** Send a request as who is signed in; a token that has ended is renewed once. */
export async function ask(method, path, options = {}) {
  const asked = session;
  try {
    return await send(method, path, { ...options, token: asked.token });
  } catch (error) {
    if (error.status !== 401 || asked !== session) throw error;
    const { value } = await send("POST", "/demo/sign-in", { body: { subject: asked.person.subject } });
    remember({ ...asked, token: value.token });
    return send(method, path, { ...options, token: value.token });
  }
}

export const people = async () => (await send("GET", "/demo/people")).value.items;

/** Sign in as one of the demo's people. */
export async function signIn(person) {
  const token = (await send("POST", "/demo/sign-in", { body: { subject: person.subject } })).value.token;
  const me = (await send("GET", "/support/agents/me", { token })).value;
  names.set(me.agent_id, me.name);
  remember({ token, person, me });
}

export function signOut() {
  remember(null);
}

function remember(next) {
  session = next;
  if (next) sessionStorage.setItem(KEPT, JSON.stringify(next));
  else sessionStorage.removeItem(KEPT);
}

/** Whether who is signed in is one of these roles. */
export const is = (...roles) => roles.some((role) => session?.me.roles.includes(role));

const names = new Map();
let learning = null;

/** The name of one of the demo's people by their id in the service; learnt when somebody unknown is met. */
export function nameOf(agentId, learnt) {
  if (agentId === session?.me.agent_id) return t("you");
  if (names.has(agentId)) return names.get(agentId) ?? t("colleague");
  learning ??= learnNames();
  learning.then(() => learnt?.()).catch(() => {});
  return t("colleague");
}

// The API gives ids only, as a list of colleagues is not its business yet; the demo's people may be asked who they are.
async function learnNames() {
  for (const person of await people()) {
    const { value } = await send("POST", "/demo/sign-in", { body: { subject: person.subject } });
    const me = (await send("GET", "/support/agents/me", { token: value.token })).value;
    names.set(me.agent_id, me.name);
  }
}

/**
 * Do `work` now and then every `ms` while the page is looked at; slower while it fails. Returns { now, stop }.
 * `failed(error)` is told of failures, and of null when it works.
 */
export function repeat(ms, work, failed) {
  let timer = 0;
  let failures = 0;
  let stopped = false;
  let running = null;

  async function step() {
    clearTimeout(timer);
    try {
      await work();
      failures = 0;
      failed(null);
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      failures += 1;
      failed(error);
    }
    if (!stopped && !document.hidden) timer = setTimeout(now, Math.min(10_000, ms * 2 ** Math.min(failures, 4)));
  }
  function now() {
    running ??= step().finally(() => (running = null));
    return running;
  }
  const wake = () => !document.hidden && !stopped && now();
  document.addEventListener("visibilitychange", wake);
  now();
  return {
    now: async () => {
      await running;
      return stopped ? undefined : now();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
    },
  };
}
