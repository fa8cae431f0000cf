// Drawing a box on the map, with mouse, pen or finger.

import { byId } from "./dom.js";
import { drawBox, theMap } from "./map.js";

let end = null;

export const isDrawing = () => end !== null;

// Calls `done` with [west, south, east, north], or with null when it was given up.
export function startDrawing(done) {
  const map = theMap();
  if (!map || end) return;
  const area = map.getCanvasContainer();
  let from = null;
  const place = (event) => {
    const frame = area.getBoundingClientRect();
    return map.unproject([event.clientX - frame.left, event.clientY - frame.top]);
  };
  const spanned = (event) => {
    const to = place(event);
    const box = [Math.min(from.lng, to.lng), Math.min(from.lat, to.lat), Math.max(from.lng, to.lng), Math.max(from.lat, to.lat)];
    return box.map((one) => Number(one.toFixed(5)));
  };
  const down = (event) => {
    event.preventDefault();
    event.stopPropagation();
    from = place(event);
    area.setPointerCapture(event.pointerId);
  };
  const move = (event) => from && drawBox(spanned(event));
  const up = (event) => {
    if (!from) return;
    const box = spanned(event);
    finish(box[0] < box[2] && box[1] < box[3] ? box : null);
  };
  const escape = (event) => event.key === "Escape" && finish(null);
  const finish = (box) => {
    area.removeEventListener("pointerdown", down, true);
    area.removeEventListener("pointermove", move);
    area.removeEventListener("pointerup", up);
    removeEventListener("keydown", escape);
    for (const one of ["dragPan", "boxZoom"]) map[one].enable();
    setTimeout(() => byId("map").classList.remove("drawing"), 50);
    end = null;
    done(box);
  };
  end = finish;
  for (const one of ["dragPan", "boxZoom"]) map[one].disable();
  byId("map").classList.add("drawing");
  area.addEventListener("pointerdown", down, true);
  area.addEventListener("pointermove", move);
  area.addEventListener("pointerup", up);
  addEventListener("keydown", escape);
}
