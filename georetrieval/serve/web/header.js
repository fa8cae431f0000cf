// The line above: what index this is, photo or semantic, the link, the language.

import { byId, h, icon } from "./dom.js";
import { language, onLanguage, said, setLanguage, t } from "./i18n.js";
import { change, hash, onChange, state } from "./state.js";

export function startHeader(index) {
  byId("copy").addEventListener("click", () => copyLink());
  byId("language").addEventListener("click", () => setLanguage(language() === "fr" ? "en" : "fr"));
  const draw = () => {
    drawFacts(index);
    drawTools();
  };
  onLanguage(draw);
  onChange((changed) => changed.has("show") && drawTools());
  addEventListener("pointerdown", (event) => {
    if (!byId("about").contains(event.target)) byId("about").open = false;
  });
  byId("about").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !byId("about").open) return;
    byId("about").open = false;
    byId("about").querySelector("summary").focus();
  });
  draw();
}

function drawFacts(index) {
  document.title = `${index.name} · georetrieval`;
  byId("index-name").textContent = index.name;
  const facts = [t("index.tiles", { n: index.tiles }), index.dates.join(", "), index.scopes.slice(0, 6).join(", "),
    index.cell_m ? t("index.cell", { n: index.cell_m }) : null, index.crs];
  byId("index-facts").replaceChildren(...facts.filter(Boolean).map((fact) => h("span", {}, fact)));
  const about = { n: String(index.index_version), fingerprint: index.fingerprint, version: index.version };
  const lines = [t("index.version", about), ...(index.licence ?? []).map(said)];
  byId("about-text").replaceChildren(...lines.map((line) => h("p", {}, line)));
}

function drawTools() {
  byId("copy").replaceChildren(icon("link"), t("link.copy"));
  byId("language").textContent = t("language.short");
  byId("language").setAttribute("aria-label", t("language"));
  byId("language").title = t("language");
  byId("show").replaceChildren(...segments());
}

// The same switch stands in the header and in the comparison.
export function segments() {
  return ["photo", "semantic"].map((show) => h("button", {
    type: "button",
    "aria-pressed": String(state.show === show),
    onclick: (event) => {
      const group = event.currentTarget.parentElement;
      change({ show });
      group.querySelector("[aria-pressed=true]")?.focus();
    },
  }, t(`show.${show}`)));
}

async function copyLink() {
  const link = `${location.origin}${location.pathname}${hash()}`;
  const note = byId("map-note");
  try {
    await navigator.clipboard.writeText(link);
    note.textContent = t(state.query?.kind === "upload" ? "link.upload" : "link.copied");
  } catch {
    note.textContent = t("link.here", { link });
  }
  setTimeout(() => note.textContent.includes(link) || note.replaceChildren(), 4000);
}
