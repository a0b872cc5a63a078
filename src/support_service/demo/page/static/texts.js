// Every word on the page, in English and Vietnamese, and how times, ages and money are written.

import { words as en } from "./words.en.js";
import { words as vi } from "./words.vi.js";

const WORDS = { en, vi };
const KEPT = "support.language";

let language = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("vi") ? "vi" : "en");
if (!(language in WORDS)) language = "en";

export const currentLanguage = () => language;

/** The language with the viewer's own region when they have one for it: it decides between 12 and 24 hours. */
const locale = () => navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;

/** Change the language and remember it. */
export function setLanguage(next) {
  language = next in WORDS ? next : "en";
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
}

/** The words under a key, with `{name}` filled in; null when there are none. */
export function find(key, values = {}) {
  const words = WORDS[language][key];
  if (words === undefined) return null;
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The words under a key; the key itself shows what is missing. */
export const t = (key, values) => find(key, values) ?? key;

/** A code as words, when there are none for it: `bank_transfer` is `bank transfer`. */
export const code = (family, value) => find(`${family}.${value}`) ?? String(value).replaceAll("_", " ");

/** Write an amount of minor units in its currency's own digits. */
export function money(minor, currency) {
  if (!currency) return number(minor / 100, { minimumFractionDigits: 2 });
  try {
    const format = new Intl.NumberFormat(locale(), { style: "currency", currency });
    return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${number(minor)} ${currency}`;
  }
}

export const number = (value, options) => new Intl.NumberFormat(locale(), options).format(value);

/** How large a file is: `1.2 MB`. */
export function fileSize(bytes) {
  const [unit, size] = bytes < 1e6 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  return number(Math.max(bytes / size, 0.1), { style: "unit", unit, maximumFractionDigits: 1 });
}

/** A moment in the viewer's own zone; the year only when it is another one. */
export function moment(iso) {
  const at = new Date(iso);
  const sameYear = at.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(locale(), {
    day: "numeric",
    month: "short",
    year: sameYear ? undefined : "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(at);
}

/** A moment in full, with its zone, for whoever points at it. */
export const exactly = (iso) =>
  new Intl.DateTimeFormat(locale(), { dateStyle: "full", timeStyle: "long" }).format(new Date(iso));

/** A calendar day, which has no zone. */
export function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  const options = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale(), options).format(Date.UTC(year, month - 1, date));
}

const STEPS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const stepOf = (seconds) => STEPS.find(([, size]) => seconds >= size) ?? ["second", 1];

/** How long ago a moment was: `3 minutes ago`. */
export function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  if (seconds < 5) return t("justNow");
  const [unit, size] = stepOf(seconds);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "always" }).format(-Math.floor(seconds / size), unit);
}

/** A length of time: `12 min`. */
export function duration(seconds) {
  const [unit, size] = stepOf(Math.max(0, seconds));
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(
    Math.floor(Math.max(0, seconds) / size),
  );
}

setLanguage(language);
