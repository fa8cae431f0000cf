// The explorer: what is asked first, who is started when.

import { getIndex, getTiles } from "./api.js";
import { byId, clearError, showError } from "./dom.js";
import { startFailures } from "./failures.js";
import { filtersReachTheMap, startFilters } from "./filters.js";
import { startHeader } from "./header.js";
import { chooseLanguage, onLanguage, t } from "./i18n.js";
import { jump, onPick, startMap, tilesDrawn } from "./map.js";
import { drawKey } from "./overlay.js";
import { havePictures } from "./pictures.js";
import { ask, startQuery } from "./query.js";
import { fitMatches, startResults } from "./results.js";
import { answered, onAnswer, startSearching } from "./searching.js";
import { startSending } from "./sending.js";
import { change, moved, onChange, placeInHash, restore, state } from "./state.js";
import { startSwipe } from "./swipe.js";
import { dateOf, keep } from "./tiles.js";

const asked = { index: getIndex(), tiles: getTiles() };
asked.tiles.catch(() => undefined);

async function start() {
  chooseLanguage(null);
  dropToken();
  let index;
  try {
    index = await asked.index;
  } catch (error) {
    return showError(byId("page-error"), error, { label: t("error.reload"), action: () => location.reload() });
  }
  chooseLanguage(index.lang);
  havePictures(index.pictures);
  startTabs(index);
  startHeader(index);
  startSwipe();
  startSearching();
  startQuery(index);
  startFilters(index);
  startResults();
  startFailures(index);
  startSending(index);
  follow();
  await painted();
  return fill(index, await ground(index));
}

// The words and fields are on the screen before the map takes the processor; a hidden page does not wait.
function painted() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, 150);
  });
}

// A token in the address has done its work once the page is here: the cookie stands for it.
function dropToken() {
  if (!location.search) return;
  history.replaceState(null, "", `${location.pathname}${location.hash}`);
}

// A picture was sent: nobody knows where to look, so the map goes there. A clicked tile is in view already.
function follow() {
  let last = null;
  onAnswer(() => {
    const sent = state.query?.kind === "upload" ? state.query.upload : null;
    if (sent && sent !== last && answered.matches?.length) {
      last = sent;
      fitMatches();
    }
  });
}

async function ground(index) {
  try {
    byId("map-note").textContent = t("map.loading");
    await startMap(index, placeInHash(), moved);
    onPick(pick);
    drawKey();
    onLanguage(drawKey);
    performance.mark("map");
    return true;
  } catch {
    byId("map-note").textContent = t("map.none");
    byId("map-area").classList.add("absent");
    return false;
  }
}

async function fill(index, mapped) {
  try {
    keep(await asked.tiles, index);
  } catch (error) {
    return showError(byId("page-error"), error, { label: t("error.again"), action: () => {
      asked.tiles = getTiles();
      clearError(byId("page-error"));
      fill(index, mapped);
    } });
  }
  document.body.dataset.tiles = "here";
  performance.mark("tiles");
  const read = () => {
    const strange = restore({ ...index, dates: index.dates.map(String), scopes: index.scopes.map(String) });
    if (strange.length) showError(byId("page-error"), t("error.link", { n: strange.length, ids: strange.slice(0, 3).join(", ") }));
    else clearError(byId("page-error"));
  };
  read();
  for (const name of ["popstate", "hashchange"]) addEventListener(name, () => again(read));
  if (mapped) {
    filtersReachTheMap();
    await shown();
  }
  return undefined;
}

async function shown() {
  try {
    await tilesDrawn();
  } catch {
    byId("map-note").textContent = t("map.lost");
    return;
  }
  byId("map-note").replaceChildren();
  document.body.dataset.map = "drawn";
  performance.mark("drawn");
}

function again(read) {
  const at = placeInHash();
  read();
  if (at) jump(at);
}

// A second click on a place asks its next date.
function pick(rows) {
  if (!rows.length) {
    byId("map-note").textContent = t("map.nothing");
    setTimeout(() => byId("map-note").replaceChildren(), 2500);
    return;
  }
  const shown = state.dates.length ? rows.filter((n) => state.dates.includes(dateOf(n))) : rows;
  const among = shown.length ? shown : rows;
  const at = state.query?.kind === "tile" ? among.indexOf(state.query.n) : -1;
  ask(among[(at + 1) % among.length]);
}

function startTabs(index) {
  const names = ["search", "failures"];
  const tab = (name) => byId(`tab-${name}`);
  tab("failures").hidden = !index.evaluation;
  byId("tabs").hidden = !index.evaluation;
  const draw = () => {
    tab("failures").textContent = t("tab.failures");
    for (const name of names) {
      const on = state.tab === name;
      tab(name).setAttribute("aria-selected", String(on));
      tab(name).tabIndex = on ? 0 : -1;
      byId(`pane-${name}`).hidden = !on;
    }
  };
  for (const name of names) tab(name).addEventListener("click", () => change({ tab: name }));
  byId("tabs").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const other = state.tab === "search" ? "failures" : "search";
    change({ tab: other });
    tab(other).focus();
  });
  onChange((changed) => changed.has("tab") && draw());
  onLanguage(draw);
  draw();
}

start();
