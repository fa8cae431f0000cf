// What lies over the tiles: the query, its numbered matches, the lines between them, the key of colours.

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { marker, setData, soften, theMap } from "./map.js";
import { centreOf, polygon } from "./tiles.js";

let markers = [];
let shown = { query: null, matches: [] };
let strong = null;

export const roleOf = (hit) => (hit === true ? "hit" : hit === false ? "miss" : "match");

// Query: a row or null. Matches: [{n, rank, hit}].
export function drawAnswer(query, matches, onMarker) {
  shown = { query, matches };
  strong = null;
  const picked = [...matches].reverse().map((one) => polygon(one.n, { role: roleOf(one.hit) }));
  if (query !== null) picked.push(polygon(query, { role: "query" }));
  setData("picked", picked);
  drawLines();
  for (const marker of markers) marker.remove();
  markers = theMap() ? [...matches].reverse().map((one) => numbered(one, onMarker)) : [];
  drawKey();
}

function numbered({ n, rank, hit }, onMarker) {
  const element = h("span", { class: `number ${roleOf(hit)}`, "aria-hidden": "true", dataset: { rank } }, String(rank));
  element.addEventListener("click", (event) => {
    event.stopPropagation();
    onMarker(rank);
  });
  return marker(n, element);
}

function drawLines() {
  const { query, matches } = shown;
  if (query === null) return setData("lines", []);
  const from = centreOf(query);
  return setData("lines", matches.map((one) => ({
    type: "Feature",
    properties: { role: roleOf(one.hit), strong: one.rank === strong },
    geometry: { type: "LineString", coordinates: [from, centreOf(one.n)] },
  })));
}

export function emphasise(rank) {
  if (rank === strong) return;
  strong = rank;
  for (const marker of markers) marker.getElement().classList.toggle("strong", marker.getElement().dataset.rank === String(rank));
  drawLines();
}

const VERDICTS = ["failed", "later", "found"];
let verdicts = false;

// Queries of the evaluation: [{n, verdict}], the failed ones on top; faint below an answer.
export function drawVerdicts(queries, faint = false) {
  verdicts = queries.length > 0;
  soften("verdicts", faint ? 0.4 : 1);
  const order = [...queries].sort((a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict));
  setData("verdicts", order.map(({ n, verdict }) => polygon(n, { verdict })));
  drawKey();
}

export function drawKey() {
  const roles = ["tile"];
  if (verdicts) roles.splice(0, 1, ...VERDICTS);
  if (shown.query !== null) roles.push("query");
  for (const role of ["hit", "miss", "match"]) if (shown.matches.some((one) => roleOf(one.hit) === role)) roles.push(role);
  const entry = (role) => h("li", {}, h("i", { class: `swatch ${role}` }), t(`map.${role === "match" ? "unknown" : role}`));
  byId("map-key").replaceChildren(h("ul", { "aria-label": t("map.key") }, roles.map(entry)));
}
