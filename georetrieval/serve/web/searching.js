// A question changes, the server is asked, the newest answer stands.

import { search } from "./api.js";
import { t } from "./i18n.js";
import { keptAnswer } from "./evaluation.js";
import { asked, isAsked, isEmpty, onChange, state } from "./state.js";

const NOTHING = { matches: null, took: null, confidence: null, error: null, again: null, kept: null, notes: [], pieces: [], searching: false };
export const answered = { ...NOTHING };
const listeners = [];
let running = null;

export const onAnswer = (listener) => listeners.push(listener);

export function startSearching() {
  onChange((changed) => isAsked(changed) && searchNow());
}

function tell(answer) {
  Object.assign(answered, NOTHING, answer);
  for (const listener of listeners) listener();
}

export async function searchNow() {
  running?.abort();
  if (isEmpty() && state.answer === null) return tell({});
  const mine = new AbortController();
  running = mine;
  if (!answered.matches) tell({ searching: true });
  else answered.searching = true;
  try {
    const answer = state.answer !== null ? await keptAnswer(state.answer) : await searched(mine.signal);
    if (running === mine) tell(answer);
  } catch (error) {
    if (error.name === "AbortError" || running !== mine) return undefined;
    const stale = error.reload;
    tell({ error, again: stale ? { label: t("error.reload"), action: () => location.reload() }
      : { label: t("error.again"), action: searchNow } });
  }
  return undefined;
}

async function searched(signal) {
  const { query, matches, took_ms: took, confidence, notes = [] } = await search(asked(), signal);
  return { matches, took, confidence, notes, pieces: query.pieces ?? [] };
}
