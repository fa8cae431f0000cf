// The server's answers; whatever goes wrong becomes one sentence.

import { t } from "./i18n.js";

export class ServerError extends Error {
  constructor(sentence, reload = false) {
    super(sentence);
    this.reload = reload; // the index became another version: only a new page knows its rows
  }
}

let version = null; // of the index that the rows on this page belong to

async function ask(path, options = {}) {
  let response;
  const headers = { ...(version === null ? {} : { "X-Index-Version": version }), ...options.headers };
  try {
    response = await fetch(path, { credentials: "same-origin", ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(t("error.unreachable"));
  }
  if (response.ok) return response;
  let said = {};
  try {
    said = await response.json();
  } catch {
    said = {};
  }
  throw new ServerError(said.error || t("error.status", { status: response.status }), said.reload === true);
}

async function json(path, options) {
  const response = await ask(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(t("error.cut", { path }));
  }
}

function posted(body, signal) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

// The first question tells the version; all others name it, and a server that has another one by then says so.
export async function getIndex() {
  const index = await json("/api/index");
  version = String(index.index_version);
  return index;
}

export const getTiles = () => json("/api/tiles");
export const tilesUrl = () => `${location.origin}/api/tiles.geojson?v=${version}`; // whole: a worker has no page
export const getTile = (n, signal) => json(`/api/tiles/${n}`, { signal });
export const getEvaluation = () => json("/api/evaluation");
export const search = (body, signal) => json("/api/search", posted(body, signal));
export const pictureUrl = (n, show, px) => `/api/tiles/${n}/${show}.png?px=${px}&v=${version}`;

export function upload(file) {
  const type = file.type.startsWith("image/") ? file.type : "application/octet-stream";
  const headers = { "Content-Type": type, "X-Name": encodeURIComponent(file.name || "picture") };
  return json("/api/upload", { method: "POST", headers, body: file });
}

export async function download(body, format) {
  const response = await ask(`/api/download?format=${format}`, posted(body));
  const named = /filename="?([^";]+)"?/.exec(response.headers.get("Content-Disposition") ?? "");
  return { blob: await response.blob(), name: named ? named[1] : `matches.${format}` };
}
