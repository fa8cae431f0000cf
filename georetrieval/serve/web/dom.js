// Elements without a framework: h("button", {class: "quiet", onclick: f}, "text").

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") element.className = value;
  else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
  else if (name in element && !name.startsWith("aria") && typeof value !== "string") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

export const byId = (id) => document.getElementById(id);

const ICONS = {
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  swipe: "M8 2v12M5 5 2 8l3 3M11 5l3 3-3 3",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9M10.4 10.4 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  link: "M6.5 9.5l3-3M7 4.6l1.2-1.2a3 3 0 0 1 4.3 4.3L11.4 9M9 11.4l-1.2 1.2a3 3 0 0 1-4.3-4.3L4.6 7",
  down: "M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10",
  file: "M8 11V3M4.8 6.2 8 3l3.2 3.2M3 13.5h10",
  box: "M3 3h10v10H3z",
  back: "M9.5 3.5 5 8l4.5 4.5",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
};

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

// Draws an area anew; a focus that was in it stays in it, on the same control where there still is one.
export function redraw(area, ...children) {
  const held = area.contains(document.activeElement) ? document.activeElement : null;
  const mark = held && (held.id || held.getAttribute("aria-label") || held.textContent);
  area.replaceChildren(...children.filter(Boolean));
  if (!held || held === area) return;
  const stops = [...area.querySelectorAll("button, select, input, summary, [tabindex]")];
  const same = stops.find((one) => (one.id || one.getAttribute("aria-label") || one.textContent) === mark);
  (same ?? stops.find((one) => one.matches(".card")) ?? stops[0] ?? area).focus({ preventScroll: true });
}

// What a screen reader is told without moving the focus.
export function announce(sentence) {
  byId("announcer").textContent = sentence;
}

// An error stays where it happened, as one sentence, with a way on where there is one.
export function showError(slot, error, again = null) {
  const children = [h("span", {}, error.message ?? String(error))];
  if (again) children.push(h("button", { class: "quiet", type: "button", onclick: again.action }, again.label));
  slot.replaceChildren(h("p", { class: "error", role: "alert" }, children));
}

export function clearError(slot) {
  slot.replaceChildren();
}
