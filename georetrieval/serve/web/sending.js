// A picture from the disk becomes the query: dropped anywhere, chosen, or pasted.

import { upload } from "./api.js";
import { byId, clearError, h, icon, showError } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { change } from "./state.js";

let index = null;

export function startSending(known) {
  index = known;
  const button = byId("file-button");
  const label = () => button.replaceChildren(icon("file"), t("query.file"));
  button.hidden = !index.can_embed;
  button.addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", () => {
    take([...byId("file").files]);
    byId("file").value = "";
  });
  onLanguage(label);
  label();
  startDropping();
}

function startDropping() {
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const veil = (on) => {
    byId("dropping").hidden = !on;
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    veil(true);
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) veil(false);
  });
  addEventListener("drop", (event) => {
    depth = 0;
    veil(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
  });
}

async function take(files) {
  const [file] = files;
  if (!file) return;
  const slot = byId("query-error");
  const most = index.max_upload_mb;
  change({ tab: "search" });
  if (!index.can_embed) return showError(slot, t("error.embed"));
  if (most && file.size > most * 2 ** 20) {
    return showError(slot, t("error.large", { name: file.name, n: Math.ceil(file.size / 2 ** 20), most }));
  }
  slot.replaceChildren(h("p", { class: "hint", role: "status" }, t("query.sending", { name: file.name })));
  try {
    const sent = await upload(file);
    clearError(slot);
    if (files.length > 1) showError(slot, t("error.several", { n: files.length }));
    change({ query: { kind: "upload", ...sent }, piece: 0, like: [], unlike: [], answer: null });
  } catch (error) {
    showError(slot, error);
  }
  return undefined;
}
