// All words of the page, in English and French; words.js holds them.

import { WORDS } from "./words.js";

let lang = "en";
const listeners = [];

export function chooseLanguage(offered) {
  const kept = remembered();
  const wanted = [kept, offered, ...(navigator.languages ?? []), "en"];
  lang = wanted.filter(Boolean).map((one) => one.slice(0, 2).toLowerCase()).find((one) => one in WORDS);
  translatePage();
}

export function setLanguage(wanted) {
  lang = wanted;
  try {
    localStorage.setItem("lang", wanted);
  } catch {
    // A browser that keeps nothing still changes its language.
  }
  translatePage();
  for (const listener of listeners) listener();
}

function remembered() {
  try {
    return localStorage.getItem("lang");
  } catch {
    return null;
  }
}

export const language = () => lang;
export const onLanguage = (listener) => listeners.push(listener);

export function t(key, values = {}) {
  let text = WORDS[lang][key];
  if (text === undefined) throw new Error(`no word for ${key} in ${lang}`);
  if (Array.isArray(text)) text = Math.abs(values.n) < (lang === "fr" ? 2 : 1.5) && values.n !== 0 ? text[0] : text[1];
  if (lang === "fr") text = text.replace(/ ([:;?!»])/g, "\u00a0$1").replace(/« /g, "«\u00a0");
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : value;
  });
}

// What the server said: a sentence, or the name of one of ours.
export const said = (text) => (text in WORDS[lang] ? t(text) : text);

export function number(value, digits = undefined) {
  const options = digits === undefined ? { maximumFractionDigits: 2 }
    : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(lang, options).format(value);
}

function translatePage() {
  document.documentElement.lang = lang;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    if (element.hasAttribute("title")) element.title = t(element.dataset.tLabel);
  }
  for (const element of document.querySelectorAll("[data-t-placeholder]")) {
    element.placeholder = t(element.dataset.tPlaceholder);
  }
}
