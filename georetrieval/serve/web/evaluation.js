// The evaluation: read once, when it is first looked at.

import { getEvaluation } from "./api.js";
import { t } from "./i18n.js";
import { tiles } from "./tiles.js";

let name = "";
let reading = null;

export const nameEvaluation = (given) => {
  name = given;
};

export function evaluation() {
  reading ??= getEvaluation().catch((error) => {
    reading = null;
    throw error;
  });
  return reading;
}

export const verdictOf = ({ hit, rank }) => (hit && (rank === null || rank === 1) ? "found" : rank ? "later" : "failed");

// What was answered then, in the form of a search's answer.
export async function keptAnswer(n) {
  const { queries } = await evaluation();
  const query = queries.find((one) => one.n === n);
  if (!query) throw new Error(t("failures.strange", { id: tiles.id[n], name }));
  const matches = query.found.map((found, place) => ({ n: found, rank: place + 1, score: query.scores?.[place] ?? null,
    hit: tiles.key[found] === tiles.key[n] }));
  return { matches, kept: name };
}
