// The tiles of the index as columns, and what is read from them.

export const tiles = { loaded: false, id: [], date: [], scope: [], corners: [], key: [], dates: [], scopes: [] };
let rows = null;

// Dates and scopes come as places in the lists of the index.
export function keep(columns, { dates, scopes }) {
  Object.assign(tiles, columns, { dates: dates.map(String), scopes: scopes.map(String), loaded: true });
  rows = null;
}

export function byName(id) {
  rows ??= new Map(tiles.id.map((one, n) => [one, n]));
  return rows.get(id) ?? null;
}

export const dateOf = (n) => tiles.dates[tiles.date[n]];
export const scopeOf = (n) => tiles.scopes[tiles.scope[n]];

export function centreOf(n) {
  const c = tiles.corners[n];
  return [(c[0] + c[2] + c[4] + c[6]) / 4, (c[1] + c[3] + c[5] + c[7]) / 4];
}

export function boundsOf(ns) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const n of ns) {
    const c = tiles.corners[n];
    for (let i = 0; i < 8; i += 2) {
      box[0] = Math.min(box[0], c[i]);
      box[1] = Math.min(box[1], c[i + 1]);
      box[2] = Math.max(box[2], c[i]);
      box[3] = Math.max(box[3], c[i + 1]);
    }
  }
  return box;
}

export function ringOf(n) {
  const c = tiles.corners[n];
  return [[c[0], c[1]], [c[2], c[3]], [c[4], c[5]], [c[6], c[7]], [c[0], c[1]]];
}

export function polygon(n, properties = {}) {
  return { type: "Feature", id: n, properties, geometry: { type: "Polygon", coordinates: [ringOf(n)] } };
}

export const collection = (features) => ({ type: "FeatureCollection", features });

// Rows whose id holds these words, those that begin with them first.
export function named(text, most) {
  const wanted = text.toLowerCase();
  const first = [];
  const later = [];
  for (let n = 0; n < tiles.id.length && first.length < most; n += 1) {
    const place = tiles.id[n].toLowerCase().indexOf(wanted);
    if (place === 0) first.push(n);
    else if (place > 0 && later.length < most) later.push(n);
  }
  return [...first, ...later].slice(0, most);
}

// The rows whose tile holds this point of the ground.
export function under([lon, lat]) {
  const found = [];
  for (let n = 0; n < tiles.corners.length; n += 1) if (holds(tiles.corners[n], lon, lat)) found.push(n);
  return found;
}

function holds(c, lon, lat) {
  let inside = false;
  for (let i = 0, j = 6; i < 8; j = i, i += 2) {
    const crosses = c[i + 1] > lat !== c[j + 1] > lat;
    if (crosses && lon < ((c[j] - c[i]) * (lat - c[i + 1])) / (c[j + 1] - c[i + 1]) + c[i]) inside = !inside;
  }
  return inside;
}
