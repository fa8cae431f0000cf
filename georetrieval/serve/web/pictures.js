// Pictures of tiles, and the row of a tile's facts.

import { pictureUrl } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { state } from "./state.js";
import { dateOf, scopeOf, tiles } from "./tiles.js";

let drawn = true; // whether the server has tile sets to draw from

export const havePictures = (answer) => {
  drawn = answer;
};

export function picture(n, px, loading = "lazy") {
  const { show } = state;
  const alt = t("picture.alt", { show: t(`show.${show}`), id: tiles.id[n] });
  return framed(drawn ? pictureUrl(n, show, px) : null, alt, show, loading);
}

export function framed(url, alt, show = "photo", loading = "lazy") {
  const frame = h("span", { class: "frame" });
  const missing = () => frame.replaceChildren(h("span", { class: "none" }, t("picture.missing")));
  if (url === null) missing();
  else frame.append(h("img", { src: url, alt, class: show, decoding: loading === "eager" ? "sync" : "async", loading, draggable: false, onerror: missing }));
  return frame;
}

export function facts(n) {
  return [dateOf(n), scopeOf(n)].filter((one) => one !== null && one !== undefined && one !== "").join(" · ");
}
