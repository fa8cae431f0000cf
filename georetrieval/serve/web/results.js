// The matches as cards, in order; the map shows the same numbers.

import { download } from "./api.js";
import { announce, byId, h, icon, redraw, showError } from "./dom.js";
import { number, onLanguage, t } from "./i18n.js";
import { fit, show } from "./map.js";
import { drawAnswer, emphasise, roleOf } from "./overlay.js";
import { facts, picture } from "./pictures.js";
import { addExample, ask } from "./query.js";
import { answered, onAnswer } from "./searching.js";
import { asked, change, onChange, state } from "./state.js";
import { openSwipe } from "./swipe.js";
import { tiles } from "./tiles.js";

export function startResults() {
  onAnswer(draw);
  onLanguage(draw);
  onChange((changed) => {
    if (changed.has("show") && answered.matches) draw();
    else if (changed.has("tab")) overlay();
  });
  byId("matches").addEventListener("keydown", walk);
}

function draw() {
  const { matches, error, again, searching } = answered;
  const area = byId("matches");
  area.setAttribute("aria-busy", String(searching));
  if (error) {
    area.replaceChildren(heading());
    const slot = h("div");
    area.append(slot);
    showError(slot, error, again);
    return overlay();
  }
  if (!matches) {
    area.replaceChildren(...(searching ? [h("p", { class: "hint" }, t("matches.searching"))] : []));
    return overlay();
  }
  const list = h("ol", { class: "cards", "aria-label": t("matches.title") }, matches.map(card));
  const parts = [heading(), pieces(), ...answered.notes.map((note) => h("p", { class: "hint" }, note)),
    answered.kept ? keptLine() : tools()];
  parts.push(matches.length ? list : h("p", { class: "hint" }, t("matches.none")));
  redraw(area, ...parts);
  overlay();
  announce(t("matches.count", { n: matches.length }));
  return undefined;
}

// While the failures are looked at, the last answer does not lie over them.
function overlay() {
  if (state.tab === "failures") drawAnswer(null, [], focusCard);
  else drawAnswer(queryRow(), answered.matches ?? [], focusCard);
}

const queryRow = () => state.answer ?? (state.query?.kind === "tile" ? state.query.n : null);

function heading() {
  const { matches, took, confidence } = answered;
  const facts = [matches && t("matches.count", { n: matches.length }), took !== null && t("matches.took", { n: Math.round(took) }),
    typeof confidence === "number" && t("matches.confidence", { n: number(confidence, 2) })].filter(Boolean);
  return h("div", { class: "row between" }, h("h2", {}, t("matches.title")), h("p", { class: "facts" }, facts.map((one) => h("span", {}, one))));
}

function pieces() {
  if (answered.pieces.length < 2) return null;
  return h("label", {}, t("query.piece"), h("select", { id: "piece", onchange: (event) => change({ piece: Number(event.target.value) }) },
    answered.pieces.map((name, place) => h("option", { value: String(place), selected: place === state.piece }, name))));
}

function keptLine() {
  return h("div", { class: "kept row" }, h("span", {}, t("matches.kept", { name: answered.kept })),
    h("button", { type: "button", onclick: () => change({ tab: "failures" }) }, icon("back"), t("matches.back")),
    h("button", { type: "button", onclick: () => ask(state.answer) }, icon("search"), t("matches.again")));
}

function tools() {
  const slot = h("div");
  const button = (format, label) => h("button", { type: "button", dataset: { format }, onclick: () => save(format, slot) }, icon("down"), label);
  return h("div", {}, h("div", { class: "row", role: "group", "aria-label": t("download.group") },
    button("gpkg", "GeoPackage"), button("csv", "CSV"),
    h("button", { type: "button", onclick: fitMatches }, icon("fit"), t("map.fit"))), slot);
}

export function fitMatches() {
  const query = queryRow();
  fit([...(query === null ? [] : [query]), ...(answered.matches ?? []).map((one) => one.n)]);
}

async function save(format, slot) {
  slot.replaceChildren();
  try {
    const { blob, name } = await download(asked(), format);
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (error) {
    showError(slot, error, { label: t("error.again"), action: () => save(format, slot) });
  }
}

function card({ n, rank, score, hit }, place) {
  const id = tiles.id[n];
  const action = (name, glyph, act) => h("button", { type: "button", class: "quiet", dataset: { act: name },
    "aria-label": t(`match.${name}.long`, { id }), title: t(`match.${name}.long`, { id }), onclick: act }, icon(glyph), t(`match.${name}`));
  const query = queryRow();
  const item = h("li", { class: `card ${roleOf(hit)}`, tabIndex: place === 0 ? 0 : -1, dataset: { n, rank },
    "aria-label": `${t("match.name", { rank, id })}, ${facts(n)}${hit === null ? "" : `, ${t(`match.${hit ? "hit" : "miss"}`)}`}`,
    onmouseenter: () => emphasise(rank), onmouseleave: () => emphasise(null), onfocusin: () => emphasise(rank) },
  h("span", { class: `number ${roleOf(hit)}`, "aria-hidden": "true" }, String(rank)),
  picture(n, 256),
  h("div", { class: "stack" },
    h("span", { class: "id" }, id),
    h("div", { class: "row between" }, h("span", { class: "facts" }, facts(n)), verdict(hit), scoreOf(score)),
    h("div", { class: "acts" },
      action("more", "plus", () => addExample(n, "like")),
      action("less", "minus", () => addExample(n, "unlike")),
      (query !== null || state.query) && action("compare", "swipe", () => openSwipe(query === null ? [state.query, n] : [query, n])),
      action("open", "search", () => ask(n)))));
  item.querySelector(".frame").addEventListener("click", () => choose(item));
  return item;
}

function verdict(hit) {
  if (hit === null || hit === undefined) return null;
  return h("span", { class: `verdict ${roleOf(hit)}` }, `${hit ? "✓" : "✗"} ${t(`match.${hit ? "hit" : "miss"}`)}`);
}

function scoreOf(score) {
  if (typeof score !== "number") return null;
  return h("span", { class: "score", title: t("match.score") }, h("i", { style: { "--share": Math.min(Math.max(score, 0), 1) } }), number(score, 3));
}

function choose(item) {
  item.focus();
  show(Number(item.dataset.n));
}

function focusCard(rank) {
  const item = byId("matches").querySelector(`[data-rank="${rank}"].card`);
  item?.focus();
  item?.scrollIntoView({ block: "nearest" });
}

// One stop of the Tab key for the list; arrows walk it, Enter shows the tile on the map.
function walk(event) {
  const item = event.target.closest(".card");
  if (!item || event.target !== item) return;
  const items = [...byId("matches").querySelectorAll(".card")];
  const at = items.indexOf(item);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Enter") show(Number(item.dataset.n));
  else if (event.key === "+") addExample(Number(item.dataset.n), "like");
  else if (event.key === "-") addExample(Number(item.dataset.n), "unlike");
  if (to === undefined) return;
  event.preventDefault();
  const next = items[Math.min(Math.max(to, 0), items.length - 1)];
  for (const one of items) one.tabIndex = one === next ? 0 : -1;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
