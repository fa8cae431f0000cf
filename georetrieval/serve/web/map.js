// The map: its layers, what they are drawn of, and what a click on it says.

import { tilesUrl } from "./api.js";
import { onLanguage, t } from "./i18n.js";
import { byId } from "./dom.js";
import { drawGraticule, placeLabels } from "./graticule.js";
import { boundsOf, centreOf, collection, tiles, under } from "./tiles.js";

let library = null;
let map = null;
let ready = null;
let drawn = null;
const PADDING = { top: 44, bottom: 60, left: 76, right: 28 };
const STYLES = "/web/vendor/maplibre-gl.css";
let edge = 14;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export const theMap = () => map;

// MapLibre is by far the largest part of the page, and is asked for once all else is on the screen.
async function load() {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLES });
  const styled = new Promise((resolve) => {
    link.onload = resolve;
    link.onerror = resolve;
  });
  document.head.prepend(link); // before our own rules, which change some of it
  [library] = await Promise.all([import("./vendor/maplibre-gl.mjs"), styled]);
}

// Draws the empty ground at once; the tiles follow. Fails where the browser has no WebGL.
export async function startMap(index, at, onMove) {
  await load();
  edge = Math.ceil(zoomOfTile(index, 9));
  map = new library.Map({
    container: "map",
    style: { version: 8, sources: {}, layers: [{ id: "paper", type: "background", paint: {} }] },
    attributionControl: false,
    fadeDuration: 0,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    renderWorldCopies: false,
    maxZoom: 20,
    locale: {},
    ...(at ? { center: at.slice(0, 2), zoom: at[2] }
      : { bounds: index.bounds, fitBoundsOptions: { padding: PADDING } }),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new library.NavigationControl({ showCompass: false }), "top-left");
  map.addControl(new library.ScaleControl({ maxWidth: 120 }), "bottom-right");
  map.getCanvas().setAttribute("aria-label", t("map.label"));
  onLanguage(() => map.getCanvas().setAttribute("aria-label", t("map.label")));
  ready = new Promise((resolve) => map.once("style.load", resolve)).then(() => addLayers(index));
  drawn = new Promise((resolve, reject) => {
    ready.then(() => map.once("idle", resolve));
    map.on("error", ({ error, sourceId }) => (sourceId === "tiles" ? reject(error) : console.error(error)));
  });
  drawn.catch(() => undefined);
  map.on("move", () => placeLabels(map));
  map.on("moveend", () => {
    drawGraticule(map);
    const { lng, lat } = map.getCenter();
    onMove([lng, lat, map.getZoom()]);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint());
}

// The zoom from which a tile is at least so many pixels wide. Lines between tiles start at a whole zoom: those that
// come later in a zoom are built, at some cost, from its beginning.
function zoomOfTile(index, pixels) {
  const middle = ((index.bounds[1] + index.bounds[3]) / 2) * (Math.PI / 180);
  const metres = 78271.517 * Math.cos(middle);
  return Math.max(0, Math.log2((metres * pixels) / Math.max(index.cell_m || 100, 1)));
}

function addLayers(index) {
  if (index.basemap === "ign") addBasemap();
  const geojson = (more = {}) => ({ type: "geojson", data: collection([]), tolerance: 0, buffer: 8, maxzoom: 16, ...more });
  map.addSource("tiles", geojson({ data: tilesUrl() })); // read by MapLibre's worker: this thread never holds them
  for (const name of ["verdicts", "graticule", "lines", "picked", "box"]) map.addSource(name, geojson());
  const add = (id, type, source, more = {}) => map.addLayer({ id, type, source, ...more });
  add("graticule", "line", "graticule", { paint: { "line-width": 0.7 } });
  add("tiles", "fill", "tiles", { paint: { "fill-antialias": false } });
  add("verdicts", "fill", "verdicts", { paint: { "fill-antialias": false } });
  add("edges", "line", "tiles", { minzoom: edge, paint: { "line-width": 0.6 } });
  add("lines", "line", "lines", { paint: { "line-width": 1.25 } });
  add("picked", "fill", "picked");
  add("picked-edge", "line", "picked");
  add("box", "line", "box", { paint: { "line-width": 1.5, "line-dasharray": [3, 2] } });
  add("box-fill", "fill", "box");
  paint();
  drawGraticule(map);
}

// The only outside request there can be, and only where the server was started with --basemap ign.
function addBasemap() {
  const wmts = "SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&STYLE=normal&TILEMATRIXSET=PM&FORMAT=image/png"
    + "&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}";
  map.addSource("basemap", { type: "raster", tileSize: 256, maxzoom: 18, attribution: "© IGN",
    tiles: [`https://data.geopf.fr/wmts?${wmts}`] });
  map.addLayer({ id: "basemap", type: "raster", source: "basemap", paint: { "raster-saturation": -0.7 } });
  map.addControl(new library.AttributionControl({ compact: false }), "bottom-right");
}

function paint() {
  const set = (layer, name, value) => map.setPaintProperty(layer, name, value);
  const by = (name, values, other) => ["match", ["get", name], ...Object.entries(values).flat(), other];
  const roles = { query: colour("query"), hit: colour("hit"), miss: colour("miss") };
  const over = map.getLayer("basemap") ? 0.35 : 1;
  set("paper", "background-color", colour("paper"));
  set("tiles", "fill-color", ["case", ["boolean", ["feature-state", "hover"], false], colour("hover"), colour("tile")]);
  set("tiles", "fill-opacity", over);
  set("edges", "line-color", colour("paper"));
  set("graticule", "line-color", colour("graticule"));
  set("verdicts", "fill-color", by("verdict", { found: colour("found"), later: colour("later") }, colour("failed")));
  set("lines", "line-color", by("role", roles, colour("match")));
  set("lines", "line-opacity", ["case", ["get", "strong"], 1, 0.55]);
  set("lines", "line-width", ["case", ["get", "strong"], 2.5, 1.25]);
  set("picked", "fill-color", by("role", roles, colour("match")));
  set("picked", "fill-opacity", 0.35);
  set("picked-edge", "line-color", by("role", roles, colour("match")));
  set("picked-edge", "line-width", ["match", ["get", "role"], "query", 3, 2]);
  set("box", "line-color", colour("ink"));
  set("box-fill", "fill-color", colour("ink"));
  set("box-fill", "fill-opacity", 0.05);
}

// A layer steps back while something else is looked at.
export async function soften(layer, opacity) {
  if (!map) return;
  await ready;
  map.setPaintProperty(layer, "fill-opacity", opacity);
}

export async function setData(source, features) {
  if (!map) return;
  await ready;
  map.getSource(source).setData(collection(features));
}

// When all tiles are on the screen; fails where they cannot be read.
export const tilesDrawn = () => drawn;

export const marker = (n, element) => new library.Marker({ element }).setLngLat(centreOf(n)).addTo(map);

export async function filterTiles({ dates, scopes }) {
  await ready;
  const wanted = ["all"];
  const among = (name, chosen, all) => ["in", ["get", name], ["literal", chosen.map((one) => all.indexOf(one))]];
  if (dates.length) wanted.push(among("d", dates, tiles.dates));
  if (scopes.length) wanted.push(among("s", scopes, tiles.scopes));
  const filter = wanted.length > 1 ? wanted : undefined;
  for (const layer of ["tiles", "edges"]) map.setFilter(layer, filter);
}

export async function drawBox(bbox) {
  if (!bbox) return setData("box", []);
  const [w, s, e, n] = bbox;
  const ring = [[w, s], [e, s], [e, n], [w, n], [w, s]];
  return setData("box", [{ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } }]);
}

export function fit(ns, { maxZoom = 15 } = {}) {
  if (map && ns.length) fitBox(boundsOf(ns), maxZoom);
}

export function fitBox(box, maxZoom = 17) {
  if (map) map.fitBounds(box, { padding: PADDING, maxZoom, animate: !still(), duration: 500 });
}

export function show(n) {
  if (!map) return;
  const centre = centreOf(n);
  if (!map.getBounds().contains(centre)) map.easeTo({ center: centre, animate: !still(), duration: 400 });
}

export function viewBox() {
  if (!map) return null;
  const box = map.getBounds();
  return [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map((one) => Number(one.toFixed(5)));
}

export const jump = (at) => map?.jumpTo({ center: at.slice(0, 2), zoom: at[2] });

// A click, or Enter for the tile in the middle, names all rows that lie there (one for each date).
export function onPick(listener) {
  const pick = (lngLat) => listener(under([lngLat.lng, lngLat.lat]));
  map.on("click", (event) => !byId("map").classList.contains("drawing") && pick(event.lngLat));
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key === "Enter") pick(map.getCenter());
  });
  let hovered = null;
  const hover = (n) => {
    if (n === hovered) return;
    if (hovered !== null) map.setFeatureState({ source: "tiles", id: hovered }, { hover: false });
    hovered = n;
    if (n !== null) map.setFeatureState({ source: "tiles", id: n }, { hover: true });
    map.getCanvas().style.cursor = n === null ? "" : "pointer";
  };
  map.on("mousemove", "tiles", (event) => hover(event.features.at(0)?.id ?? null));
  map.on("mouseleave", "tiles", () => hover(null));
}
