// Which tiles may answer: dates, scopes, an area, how many, how far away.

import { byId, clearError, h, icon, showError } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { startDrawing } from "./box.js";
import { drawBox, filterTiles, viewBox } from "./map.js";
import { START, change, onChange, state } from "./state.js";

const NAMES = ["dates", "scopes", "bbox", "k", "self", "far"];
const SIDES = ["west", "south", "east", "north"];
let index = null;
let mapped = false;

// A kept answer of an evaluation knows no filters: with the first of them the search is asked anew.
const narrow = (patch) => change({ ...patch, answer: null });

export function startFilters(known) {
  index = known;
  onLanguage(draw);
  onChange((changed) => {
    if (!NAMES.some((name) => changed.has(name))) return;
    draw();
    if (mapped) paintFilters(changed);
  });
  draw();
}

export function filtersReachTheMap() {
  mapped = true;
  paintFilters(new Set(NAMES));
}

function paintFilters(changed) {
  if (changed.has("dates") || changed.has("scopes")) filterTiles(state);
  if (changed.has("bbox")) drawBox(state.bbox);
}

function summary() {
  const on = [...state.dates, ...state.scopes];
  if (state.bbox) on.push(t("filters.area.on"));
  if (state.far) on.push(t("filters.far.on", { n: state.far }));
  if (state.self) on.push(t("filters.self"));
  return on.length ? on.join(", ") : t("filters.none");
}

function draw() {
  const area = byId("filters");
  const focused = document.activeElement?.id;
  const slot = h("div", { id: "filters-error" });
  area.replaceChildren(
    h("summary", { id: "filters-summary" }, h("h2", {}, t("filters.title")), h("span", { class: "facts" }, summary())),
    h("div", { class: "fields" }, choices("dates"), choices("scopes"), box(slot), slot, further(),
      h("button", { type: "button", id: "filters-reset", class: "quiet", onclick: reset }, t("filters.reset"))));
  if (focused && area.contains(byId(focused))) byId(focused).focus();
}

const reset = () => narrow(Object.fromEntries(NAMES.map((name) => [name, START[name]])));

function choices(which) {
  const offered = index[which].map(String);
  if (offered.length < 2) return null;
  if (offered.length > 14) return manyChoices(which, offered);
  const toggle = (one) => narrow({ [which]: offered.filter((other) => state[which].includes(other) !== (other === one)) });
  return h("fieldset", {}, h("legend", {}, t(`filters.${which}`)), offered.map((one, place) => h("label", { class: "check" },
    h("input", { type: "checkbox", id: `filter-${which}-${place}`, checked: state[which].includes(one), onchange: () => toggle(one) }), one)));
}

function manyChoices(which, offered) {
  return h("label", { class: "wide" }, t(`filters.${which}`), h("select", { multiple: true, size: 5, id: `filter-${which}`,
    onchange: (event) => narrow({ [which]: [...event.target.selectedOptions].map((one) => one.value) }) },
  offered.map((one) => h("option", { value: one, selected: state[which].includes(one) }, one))));
}

function box(slot) {
  const inputs = SIDES.map((side, place) => h("label", {}, t(`filters.${side}`), h("input", { type: "text", inputmode: "decimal",
    id: `filter-${side}`, value: state.bbox ? String(state.bbox[place]) : "", onchange: () => typed(inputs, slot) })));
  const button = (name, glyph, act) => h("button", { type: "button", id: `filter-${name}`, onclick: act }, glyph && icon(glyph), t(`filters.${name}`));
  return h("fieldset", { class: "area" }, h("legend", {}, t("filters.area")), h("div", { class: "sides" }, inputs),
    h("div", { class: "row" }, button("draw", "box", drawOnMap), button("view", "fit", () => narrow({ bbox: viewBox() ?? index.bounds })),
      state.bbox && button("clear", "close", () => narrow({ bbox: null }))));
}

function typed(inputs, slot) {
  const texts = inputs.map((label) => label.querySelector("input").value.trim());
  if (texts.every((text) => text === "")) return narrow({ bbox: null });
  if (texts.some((text) => text === "")) return undefined;
  const bbox = texts.map((text) => Number(text.replace(",", ".")));
  const [w, s, e, n] = bbox;
  const right = bbox.every(Number.isFinite) && w < e && s < n && w >= -180 && e <= 180 && s >= -90 && n <= 90;
  if (!right) return showError(slot, t("filters.bad"));
  clearError(slot);
  return narrow({ bbox });
}

function drawOnMap() {
  byId("map-note").textContent = t("filters.drawing");
  byId("map").scrollIntoView({ block: "nearest" });
  startDrawing((bbox) => {
    byId("map-note").replaceChildren();
    if (bbox) narrow({ bbox });
    else drawBox(state.bbox);
    byId("filter-draw")?.focus({ preventScroll: true });
  });
}

function further() {
  const k = [...new Set([5, 10, 20, 50, 100, state.k])].sort((a, b) => a - b);
  return h("div", { class: "row further" },
    h("label", {}, t("filters.k"), h("select", { id: "filter-k", onchange: (event) => narrow({ k: Number(event.target.value) }) },
      k.map((one) => h("option", { value: String(one), selected: one === state.k }, String(one))))),
    h("label", {}, t("filters.far"), h("input", { type: "number", min: "0", step: "any", id: "filter-far", value: state.far === null ? "" : String(state.far),
      onchange: (event) => narrow({ far: Number(event.target.value) > 0 ? Number(event.target.value) : null }) })),
    h("label", { class: "check" }, h("input", { type: "checkbox", id: "filter-self", checked: state.self,
      onchange: (event) => narrow({ self: event.target.checked }) }), t("filters.self")));
}
