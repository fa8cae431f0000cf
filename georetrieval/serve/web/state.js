// What the page shows: one object, who listens to it, and the permanent link that it is written in.

import { byName, tiles } from "./tiles.js";

export const START = {
  query: null, // {kind: "tile", n} or {kind: "upload", upload, name, preview, width, height}
  piece: 0, // of a picture that covers several cells
  like: [],
  unlike: [],
  dates: [],
  scopes: [],
  bbox: null,
  k: 20,
  self: false,
  far: null,
  show: "photo",
  tab: "search",
  answer: null, // row of a query of the evaluation whose kept answer is shown
};
const ASKED = ["query", "piece", "like", "unlike", "dates", "scopes", "bbox", "k", "self", "far", "answer"];

export const state = { ...START };
export const view = { at: null };
const listeners = [];
let quiet = false;

export const onChange = (listener) => listeners.push(listener);
export const isAsked = (changed) => ASKED.some((name) => changed.has(name));
export const isEmpty = () => !state.query && !state.like.length && !state.unlike.length;

export function change(patch) {
  const names = Object.keys(patch).filter((name) => JSON.stringify(state[name]) !== JSON.stringify(patch[name]));
  if (!names.length) return;
  Object.assign(state, patch);
  const kept = names.every((name) => name === "show") ? "replaceState" : "pushState";
  write(kept);
  tell(new Set(names));
}

export function tell(changed) {
  for (const listener of listeners) listener(changed);
}

// The body of a search and of a download.
export function asked() {
  return {
    tile: state.query?.kind === "tile" ? state.query.n : null,
    upload: state.query?.kind === "upload" ? state.query.upload : null,
    ...(state.query?.kind === "upload" && state.piece ? { piece: state.piece } : {}),
    like: state.like,
    unlike: state.unlike,
    k: state.k,
    dates: state.dates.length ? state.dates : null,
    scopes: state.scopes.length ? state.scopes : null,
    bbox: state.bbox,
    exclude_self: !state.self,
    beyond_m: state.far,
  };
}

const list = (values) => values.map((value) => encodeURIComponent(value)).join(",");
const ids = (rows) => list(rows.map((n) => tiles.id[n]));

export function hash() {
  const parts = ["v=1"];
  const put = (name, value) => value !== null && value !== "" && value !== undefined && parts.push(`${name}=${value}`);
  if (view.at) put("at", view.at.map((one, i) => one.toFixed(i < 2 ? 5 : 2)).join(","));
  if (state.query?.kind === "tile") put("tile", encodeURIComponent(tiles.id[state.query.n]));
  put("like", ids(state.like));
  put("unlike", ids(state.unlike));
  put("dates", list(state.dates));
  put("scopes", list(state.scopes));
  put("bbox", state.bbox?.join(","));
  if (state.k !== START.k) put("k", state.k);
  if (state.self) put("self", 1);
  put("far", state.far);
  if (state.show !== START.show) put("show", state.show);
  if (state.tab !== START.tab) put("tab", state.tab);
  if (state.answer !== null) put("answer", encodeURIComponent(tiles.id[state.answer]));
  return `#${parts.join("&")}`;
}

function write(how) {
  if (quiet || !tiles.loaded) return;
  if (hash() !== location.hash) history[how](null, "", hash());
}

export function moved(at) {
  view.at = at;
  write("replaceState");
}

const fields = () => new Map(location.hash.slice(1).split("&").map((part) => {
  const [name, ...rest] = part.split("=");
  return [name, rest.join("=")];
}));
const unlist = (text) => (text ? text.split(",").map(decodeURIComponent) : []);
const numbers = (text) => (text ? text.split(",").map(Number) : []);

export function placeInHash() {
  const at = numbers(fields().get("at"));
  return at.length === 3 && at.every(Number.isFinite) ? at : null;
}

// The link of an answer of the server holds the body of the search; its rows belong to this version of the index.
function fromBody(text) {
  try {
    const { tile = null, like = [], unlike = [], dates, scopes, bbox, k, exclude_self: without, beyond_m: far } = JSON.parse(text);
    const row = (n) => encodeURIComponent(tiles.id[n] ?? n);
    return [["tile", tile === null ? undefined : row(tile)], ["like", like.map(row).join(",")], ["unlike", unlike.map(row).join(",")],
      ["dates", list(dates ?? [])], ["scopes", list(scopes ?? [])], ["bbox", bbox?.join(",")], ["k", k],
      ["self", without === false ? "1" : undefined], ["far", far]].filter(([, value]) => value !== undefined && value !== null);
  } catch {
    return [];
  }
}

// Reads the link; ids that this index does not have are returned, not hidden.
export function restore(known) {
  const found = fields();
  if (found.has("q")) for (const [name, value] of fromBody(decodeURIComponent(found.get("q")))) found.set(name, String(value));
  const strange = [];
  const row = (id) => {
    const n = byName(id);
    if (n === null) strange.push(id);
    return n;
  };
  const rows = (name) => unlist(found.get(name)).map(row).filter((n) => n !== null);
  const among = (name, offered) => unlist(found.get(name)).filter((one) => offered.includes(one));
  const n = found.get("tile") ? row(decodeURIComponent(found.get("tile"))) : null;
  const answer = found.get("answer") ? row(decodeURIComponent(found.get("answer"))) : null;
  const bbox = numbers(found.get("bbox"));
  const k = Number(found.get("k") ?? START.k);
  const far = Number(found.get("far"));
  const before = { ...state };
  Object.assign(state, START, {
    query: n === null ? null : { kind: "tile", n },
    like: rows("like"),
    unlike: rows("unlike"),
    dates: among("dates", known.dates.map(String)),
    scopes: among("scopes", known.scopes.map(String)),
    bbox: bbox.length === 4 && bbox.every(Number.isFinite) ? bbox : null,
    k: Number.isInteger(k) && k >= 1 && k <= 100 ? k : START.k,
    self: found.get("self") === "1",
    far: far > 0 ? far : null,
    show: known.modalities.includes(found.get("show")) ? found.get("show") : START.show,
    tab: found.get("tab") === "failures" && known.evaluation ? "failures" : START.tab,
    answer: known.evaluation ? answer : null,
  });
  quiet = true;
  tell(new Set(Object.keys(START).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(state[name]))));
  quiet = false;
  return strange;
}
