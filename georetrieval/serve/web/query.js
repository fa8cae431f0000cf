// What is asked: a tile, a picture or examples; the dates of the place; the classes; finding a tile by its name.

import { getTile } from "./api.js";
import { byId, clearError, h, icon, redraw, showError } from "./dom.js";
import { language, number, onLanguage, t } from "./i18n.js";
import { fit, show } from "./map.js";
import { facts, framed, picture } from "./pictures.js";
import { change, isEmpty, onChange, state } from "./state.js";
import { openSwipe } from "./swipe.js";
import { byName, dateOf, named, tiles, under } from "./tiles.js";

let index = null;
let details = null;
let reading = null;

export function startQuery(known) {
  index = known;
  onChange((changed) => {
    if (changed.has("query")) read();
    if (["query", "like", "unlike", "show", "answer"].some((name) => changed.has(name))) draw();
  });
  onLanguage(draw);
  startFinding();
  draw();
}

export const ask = (n) => change({ query: { kind: "tile", n }, like: [], unlike: [], answer: null, tab: "search" });

export function addExample(n, which) {
  const other = which === "like" ? "unlike" : "like";
  const without = (rows) => rows.filter((one) => one !== n);
  change({ [which]: [...without(state[which]), n], [other]: without(state[other]), answer: null });
}

async function read() {
  reading?.abort();
  details = null;
  if (state.query?.kind !== "tile") return;
  reading = new AbortController();
  const { n } = state.query;
  try {
    const found = await getTile(n, reading.signal);
    if (state.query?.n !== n) return;
    details = found;
    draw();
  } catch (error) {
    if (error.name !== "AbortError") showError(byId("query-error"), error, { label: t("error.again"), action: read });
    return;
  }
  clearError(byId("query-error"));
}

function draw() {
  const examples = [...strip("like"), ...strip("unlike")];
  const close = h("button", { type: "button", class: "bare", id: "query-close", "aria-label": t("query.close"), title: t("query.close"),
    onclick: clear }, icon("close"));
  const head = h("h2", {}, t("query.title"));
  if (isEmpty()) {
    byId("query").replaceChildren(h("p", { class: "hint" }, t(index.can_embed ? "query.empty" : "query.empty.pictures")));
    return;
  }
  const body = state.query?.kind === "tile" ? tileQuery(state.query.n)
    : state.query ? pictureQuery(state.query) : [h("p", { class: "facts" }, t("query.examples"))];
  redraw(byId("query"), h("div", { class: "row between" }, head, close), ...body, ...examples);
}

function clear() {
  change({ query: null, like: [], unlike: [], answer: null });
  byId("find-text").focus();
}

function pictureQuery({ name, preview, width, height }) {
  return [h("div", { class: "asked" }, framed(preview, name), h("div", { class: "stack" },
    h("p", { class: "id" }, name), h("p", { class: "facts" }, t("query.picture", { width, height }))))];
}

function tileQuery(n) {
  const others = details?.same_place ?? [];
  const place = [n, ...others].sort((a, b) => (dateOf(a) < dateOf(b) ? -1 : 1));
  const dates = place.length > 1 && h("div", { class: "segments", role: "group", "aria-label": t("query.dates") },
    place.map((one) => h("button", { type: "button", "aria-pressed": String(one === n),
      onclick: () => one !== n && ask(one) }, dateOf(one))));
  const swipe = place.length > 1 && h("button", { type: "button", id: "query-swipe", onclick: () => openSwipe(place) },
    icon("swipe"), t("query.swipe"));
  return [
    h("div", { class: "asked" }, picture(n, 256), h("div", { class: "stack" },
      h("button", { type: "button", class: "id bare", onclick: () => show(n) }, tiles.id[n]),
      h("p", { class: "facts" }, facts(n)), dates, swipe, classes())),
  ];
}

function classes() {
  const shares = (details?.classes ?? []).filter((one) => one.share > 0.004).sort((a, b) => b.share - a.share);
  if (!shares.length) return null;
  const entry = (code) => index.legend.find((one) => String(one.code) === String(code)) ?? {};
  const name = (code) => entry(code)[`name_${language()}`] ?? String(code);
  const percent = (share) => `${number(share * 100, 0)} %`;
  return h("div", { class: "classes" },
    h("div", { class: "bar", "aria-hidden": "true" }, shares.map(({ code, share }) =>
      h("i", { style: { "flex-grow": share, "background-color": entry(code).colour ?? "gray" } }))),
    h("ul", { "aria-label": t("query.classes") }, shares.slice(0, 6).map(({ code, share }) => h("li", {},
      h("i", { class: "swatch", style: { "background-color": entry(code).colour ?? "gray" } }), `${name(code)} ${percent(share)}`))));
}

function strip(which) {
  if (!state[which].length) return [];
  return [h("div", { class: `examples ${which}` }, h("h3", {}, icon(which === "like" ? "plus" : "minus"), t(`query.${which}`)),
    h("ul", {}, state[which].map((n) => h("li", {}, h("button", { type: "button",
      "aria-label": t("query.remove", { id: tiles.id[n] }), title: t("query.remove", { id: tiles.id[n] }),
      onclick: () => {
        change({ [which]: state[which].filter((one) => one !== n) });
        byId("matches").focus();
      } }, picture(n, 64), icon("close"))))))];
}

function startFinding() {
  const input = byId("find-text");
  input.addEventListener("input", () => {
    const found = input.value.length > 1 ? named(input.value, 12) : [];
    byId("find-list").replaceChildren(...found.map((n) => h("option", { value: tiles.id[n] })));
  });
  byId("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    const n = rowOf(text);
    if (n === null) {
      showError(byId("query-error"), t("query.unknown", { text }));
      return;
    }
    clearError(byId("query-error"));
    ask(n);
    fit([n], { maxZoom: 14 });
  });
}

// "6.21, 44.05" (or with decimal commas: "6,21; 44,05") or the name of a tile, whole or the only one that holds it.
function rowOf(text) {
  if (!text) return null;
  const exact = byName(text);
  if (exact !== null) return exact;
  const pair = /^(-?\d+(?:[.,]\d+)?)\s*[;, ]\s*(-?\d+(?:[.,]\d+)?)$/.exec(text);
  if (pair) return under(pair.slice(1).map((one) => Number(one.replace(",", "."))))[0] ?? null;
  return named(text, 1)[0] ?? null;
}

