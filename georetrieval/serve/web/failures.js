// The queries of an evaluation that were not found first: on the map, and as a list of the worst.

import { byId, h, redraw, showError } from "./dom.js";
import { evaluation, nameEvaluation, verdictOf } from "./evaluation.js";
import { number, onLanguage, t } from "./i18n.js";
import { fit } from "./map.js";
import { drawVerdicts } from "./overlay.js";
import { facts, picture } from "./pictures.js";
import { change, onChange, state } from "./state.js";
import { tiles } from "./tiles.js";

const STEP = 60;
let name = "";
let shown = STEP;
let read = null;

export function startFailures(index) {
  if (!index.evaluation) return;
  name = index.evaluation.name;
  nameEvaluation(name);
  onLanguage(() => read && draw());
  onChange((changed) => {
    if (changed.has("tab") || changed.has("answer")) layer();
    if (changed.has("show") && read) draw();
  });
  byId("pane-failures").addEventListener("keydown", walk);
}

async function layer() {
  const wanted = state.tab === "failures" || state.answer !== null;
  if (!wanted) return drawVerdicts([]);
  try {
    if (!read) byId("pane-failures").replaceChildren(h("p", { class: "hint" }, t("failures.loading")));
    const { queries } = await evaluation();
    if (!read) {
      read = await evaluation();
      draw();
    }
    if (state.tab === "failures" || state.answer !== null) {
      drawVerdicts(queries.map((one) => ({ n: one.n, verdict: verdictOf(one) })), state.tab !== "failures");
    }
  } catch (error) {
    showError(byId("pane-failures"), error, { label: t("error.again"), action: layer });
  }
  return undefined;
}

// Never found before found late; in the order of the index among equals.
function worst() {
  const failed = read.queries.filter((one) => verdictOf(one) !== "found");
  return failed.sort((a, b) => (b.rank ?? Infinity) - (a.rank ?? Infinity) || a.n - b.n);
}

function draw() {
  const failed = worst();
  const figures = Object.entries(read.summary ?? {}).filter(([, value]) => typeof value === "number");
  const list = h("ol", { class: "worst", "aria-label": t("failures.worst") }, failed.slice(0, shown).map(row));
  const left = failed.length - shown;
  redraw(byId("pane-failures"),
    h("h2", {}, t("failures.title", { name })),
    h("dl", { class: "figures" }, figures.map(([what, value]) => h("div", {}, h("dt", {}, what),
      h("dd", {}, Number.isInteger(value) ? number(value) : number(value, 3))))),
    failed.length ? h("h3", {}, t("failures.worst")) : h("p", { class: "hint" }, t("failures.none")), list,
    left > 0 && h("button", { type: "button", id: "failures-more", onclick: more }, t("failures.more", { n: Math.min(STEP, left) })));
}

function more() {
  const first = shown;
  shown += STEP;
  draw();
  byId("pane-failures").querySelectorAll(".worst button")[first]?.focus();
}

function row(query) {
  const { n, rank } = query;
  const kept = read.k ?? query.found.length; // how many answers were looked at
  const said = rank ? t("failures.rank", { n: rank }) : kept ? t("failures.missed", { n: kept }) : t("failures.lost");
  return h("li", {}, h("button", { type: "button", dataset: { n }, "aria-current": state.answer === n ? "true" : null,
    onclick: () => openAnswer(n) },
  picture(n, 128), h("span", { class: "stack" }, h("span", { class: "id" }, tiles.id[n]),
    h("span", { class: "facts" }, facts(n)), h("span", { class: `verdict ${rank ? "later" : "miss"}` }, said))));
}

function openAnswer(n) {
  change({ answer: n, query: { kind: "tile", n }, like: [], unlike: [], tab: "search" });
  const query = read.queries.find((one) => one.n === n);
  fit([n, ...query.found]);
}

function walk(event) {
  const buttons = [...byId("pane-failures").querySelectorAll(".worst button")];
  const at = buttons.indexOf(event.target);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  buttons[Math.min(Math.max(to, 0), buttons.length - 1)].focus();
}
