// Meridians and parallels at round degrees, labelled along the edges of the map.

import { h, byId } from "./dom.js";
import { number } from "./i18n.js";
import { collection } from "./tiles.js";

const STEPS = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005];
const APART = 130; // pixels between two lines, about
let labels = [];

function multiples(from, to, step) {
  const found = [];
  for (let i = Math.ceil(from / step); i * step <= to; i += 1) found.push(Number((i * step).toFixed(6)));
  return found;
}

export function drawGraticule(map) {
  const source = map.getSource("graticule");
  if (!source) return;
  const box = map.getBounds();
  const wanted = ((box.getEast() - box.getWest()) * APART) / Math.max(map.getContainer().clientWidth, 1);
  const step = STEPS.findLast((one) => one >= wanted) ?? STEPS[0];
  const margin = step * 4;
  const [w, s, e, n] = [box.getWest() - margin, Math.max(box.getSouth() - margin, -85), box.getEast() + margin,
    Math.min(box.getNorth() + margin, 85)];
  const meridians = multiples(w, e, step);
  const parallels = multiples(s, n, step);
  const line = (coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });
  source.setData(collection([
    ...meridians.map((lon) => line([[lon, s], [lon, n]])),
    ...parallels.map((lat) => line([[w, lat], [e, lat]])),
  ]));
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  for (const label of labels) label.element.remove();
  labels = [
    ...meridians.map((lon) => label("lon", lon, digits, lon < 0 ? "W" : "E")),
    ...parallels.map((lat) => label("lat", lat, digits, lat < 0 ? "S" : "N")),
  ];
  byId("map").append(...labels.map((one) => one.element));
  placeLabels(map);
}

function label(axis, value, digits, side) {
  const text = `${number(Math.abs(value), digits)}° ${side}`;
  return { axis, value, element: h("span", { class: `degree ${axis}`, "aria-hidden": "true" }, text) };
}

export function placeLabels(map) {
  const centre = map.getCenter();
  const { clientWidth, clientHeight } = map.getContainer();
  for (const { axis, value, element } of labels) {
    const at = map.project(axis === "lon" ? [value, centre.lat] : [centre.lng, value]);
    const place = axis === "lon" ? at.x : at.y;
    const inside = axis === "lon" ? place > 60 && place < clientWidth - 60 : place > 110 && place < clientHeight - 50;
    element.hidden = !inside;
    element.style.transform = axis === "lon" ? `translate(${place}px, 0) translateX(-50%)`
      : `translate(0, ${place}px) translateY(-50%)`;
  }
}
