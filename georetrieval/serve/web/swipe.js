// Two pictures of one place (or of a query and its match), one over the other, with a divider between them.

import { byId, h, icon } from "./dom.js";
import { segments } from "./header.js";
import { onLanguage, t } from "./i18n.js";
import { facts, framed, picture } from "./pictures.js";
import { onChange } from "./state.js";
import { tiles } from "./tiles.js";

let sides = [];
let chosen = [0, 1];
let cut = 50;

export function startSwipe() {
  const redraw = () => byId("swipe").open && draw();
  onLanguage(redraw);
  onChange((changed) => changed.has("show") && redraw());
  byId("swipe").addEventListener("pointerdown", (event) => {
    const { left, right, top, bottom } = byId("swipe").getBoundingClientRect();
    const inside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
    if (event.target === byId("swipe") && !inside) byId("swipe").close();
  });
}

// Sides are rows of tiles, or a picture that was sent.
export function openSwipe(offered) {
  sides = offered;
  chosen = [0, offered.length - 1];
  cut = 50;
  draw();
  byId("swipe").showModal();
  byId("swipe-range").focus();
}

const label = (side) => (typeof side === "number" ? `${facts(side)} · ${tiles.id[side]}` : side.name);
const drawn = (side) => (typeof side === "number" ? picture(side, 512, "eager") : framed(side.preview, side.name, "photo", "eager"));

function draw() {
  const stage = h("div", { class: "stage" },
    h("div", { class: "under" }, drawn(sides[chosen[1]])), h("div", { class: "over" }, drawn(sides[chosen[0]])),
    h("input", { type: "range", id: "swipe-range", min: "0", max: "100", step: "1", value: String(cut),
      "aria-label": t("swipe.divider"), oninput: (event) => move(Number(event.target.value)) }),
    h("i", { class: "divider", "aria-hidden": "true" }, icon("swipe")));
  const choice = (side, name) => h("label", {}, t(`swipe.${name}`), h("select", { onchange: (event) => {
    chosen[side] = Number(event.target.value);
    draw();
    byId("swipe").querySelectorAll("select")[side].focus();
  } }, sides.map((one, place) => h("option", { value: String(place), selected: place === chosen[side] }, label(one)))));
  const hadFocus = document.activeElement?.closest("#swipe .segments");
  byId("swipe").replaceChildren(
    h("div", { class: "row between" }, h("h2", { id: "swipe-title" }, t("swipe.title")),
      h("div", { class: "segments", role: "group", "aria-label": t("show.group") }, segments()),
      h("button", { type: "button", class: "bare", "aria-label": t("swipe.close"), title: t("swipe.close"), onclick: () => byId("swipe").close() }, icon("close"))),
    stage,
    h("div", { class: "row between" }, choice(0, "left"), choice(1, "right")),
    h("p", { class: "hint" }, t("swipe.hint")));
  if (hadFocus) byId("swipe").querySelector("[aria-pressed=true]").focus();
  move(cut);
}

function move(to) {
  cut = to;
  byId("swipe").style.setProperty("--cut", `${to}%`);
}
