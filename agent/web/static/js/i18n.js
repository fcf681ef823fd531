// Every word of the page stands in /static/lang/CODE.json, one file for each language.

export const languages = Object.freeze(['en', 'de', 'fr', 'es', 'ar']);
const rightToLeft = ['ar'];

let words = {};
let code = 'en';

let asked = 0;

/**
 * Loads a language and makes it the page's own; keeps the one before where it fails.
 * Returns whether it is: of several that are asked for in a row the last one counts.
 */
export async function useLanguage(wanted) {
  const mine = ++asked;
  const chosen = languages.includes(wanted) ? wanted : 'en';
  const answer = await fetch(`/static/lang/${chosen}.json`);
  if (!answer.ok) throw new Error(`language ${chosen}: ${answer.status}`);
  const loaded = await answer.json();
  if (mine !== asked) return false;
  words = loaded;
  code = chosen;
  document.documentElement.lang = chosen;
  document.documentElement.dir = rightToLeft.includes(chosen) ? 'rtl' : 'ltr';
  return true;
}

export const language = () => code;

/** The first language of the browser that there is. */
export function preferredLanguage() {
  const wanted = navigator.languages.map((tag) => tag.split('-')[0]);
  return wanted.find((tag) => languages.includes(tag)) ?? 'en';
}

export const has = (key) => Object.hasOwn(words, key);

/**
 * The words for a key. Values are set off from the text around them, so that a name in
 * Latin letters does not turn an Arabic sentence around (U+2068, U+2069).
 */
export function t(key, values = {}) {
  if (!has(key)) {
    console.error(`no words for ${key}`);
    return key;
  }
  return words[key].replace(/\{(\w+)\}/g, (_, name) => `\u2068${values[name] ?? ''}\u2069`);
}

export const number = (value, options) => new Intl.NumberFormat(code, options).format(value);

export const percent = (value) => number(value / 100, { style: 'percent', maximumFractionDigits: 0 });

export const seconds = (value) => number(value, { style: 'unit', unit: 'second', unitDisplay: 'short', maximumFractionDigits: 1 });

/** Minutes and seconds that are left, as 1:05. */
export function countdown(milliseconds) {
  const left = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${number(Math.floor(left / 60))}:${number(left % 60, { minimumIntegerDigits: 2 })}`;
}

/** A date of a document, YYYY-MM-DD; one with unknown parts stays as it is. */
export function day(text) {
  const known = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? '');
  if (!known) return text ?? '';
  const date = new Date(Date.UTC(Number(known[1]), Number(known[2]) - 1, Number(known[3])));
  return new Intl.DateTimeFormat(code, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}

/** How long ago a moment was, in the largest unit that fits. */
export function ago(moment, now) {
  const passed = Math.max(0, (now - Date.parse(moment)) / 1000);
  const [unit, size] = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]].find(([, s]) => passed >= s) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(code, { numeric: 'auto' }).format(-Math.floor(passed / size), unit);
}
