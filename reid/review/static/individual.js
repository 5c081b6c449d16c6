// Corrections: of an individual, of chosen photos, of the past.
import { element, later, post, say } from "./api.js";
import { pick } from "./pick.js";

const root = document.getElementById("individual");
const { identity } = root.dataset;
const revision = root.dataset.revision ? Number(root.dataset.revision) : null;
const picked = document.getElementById("picked");

async function edit(body, go = null) {
  try {
    const answer = await post("/api/edit", { identity, revision, ...body });
    later(answer.words, answer.undoable ? answer.event : null);
    if (go) location.assign(go);
    else location.reload();
  } catch (error) {
    say(error.message, true);
  }
}

const chosen = () => [...document.querySelectorAll(".tick input:checked")].map((one) => one.value);

function recount() {
  const count = chosen().length;
  picked.hidden = !count;
  document.getElementById("picked-count").textContent = `${count} ${count === 1 ? "photo" : "photos"} chosen`;
}

// Resolves to the field's text ("" without a field), or null if it was called off.
function ask(title, body, words, field = null) {
  const dialog = document.getElementById("ask-dialog");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-ok").textContent = words;
  const input = field && element("input", { id: "ask-input", value: field.value, maxLength: 300, required: true, autocomplete: "off" });
  const label = field && element("label", { htmlFor: "ask-input", textContent: field.label });
  document.getElementById("ask-body").replaceChildren(...body, ...(field ? [label, input] : []));
  dialog.returnValue = "cancel";
  dialog.showModal();
  if (input) input.select();
  else document.getElementById("ask-ok").focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok" ? (input ? input.value : "") : null), { once: true }));
}

const paragraph = (textContent, className = "") => element("p", { textContent, className });

const many = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function preview(found) {
  const [now, then] = found.individuals;
  const facts = found.results.map((one) => paragraph(`${one.identity === "new" ? "A new individual" : one.identity} would have ${many(one.sightings, "photo")} in ${many(one.encounters, "encounter")} (${one.flanks.join(", ") || "no flank"}).`));
  const seasons = Object.entries(found.seasons).map(([season, pair]) => paragraph(`${season}: ${many(pair[0], "individual")} now, ${pair[1]} then.`, "soft"));
  return [...facts, paragraph(`The catalogue has ${many(now, "individual")} now, and would have ${then}.`), ...seasons, ...found.warnings.map((words) => paragraph(words, "mark-doubt"))];
}

const ASK = {
  async rename() {
    const value = await ask("Rename", [paragraph("In every season at once. The old name still finds it.")], "Rename", { label: "New name", value: identity });
    if (value !== null) edit({ action: "rename", value });
  },
  async alias() {
    const value = await ask("Other name", [paragraph("A name that finds this individual too, for example a neighbour's.")], "Keep", { label: "Name", value: "" });
    if (value !== null) edit({ action: "alias", value });
  },
  async merge() {
    const one = await pick("Merge with…");
    if (one) location.assign(`/merge?${new URLSearchParams({ keep: identity, gone: one.identity })}`);
  },
  async part() {
    const value = await ask("Part the flanks", [paragraph("The photos of the right side become a new individual; those of the left side stay.")], "Part them");
    if (value !== null) edit({ action: "part", value: "right" });
  },
  async split() {
    try {
      const found = await post("/api/preview", { action: "split", identity, sightings: chosen() });
      const answer = await ask("Split off?", preview(found), "Split off");
      if (answer !== null) edit({ action: "split", sightings: chosen(), revision: found.revision });
    } catch (error) {
      say(error.message, true);
    }
  },
  async move() {
    const one = await pick("Give the chosen photos to…", chosen()[0]);
    if (one) edit({ action: "move", sightings: chosen(), value: one.identity });
  },
  none() {
    for (const box of document.querySelectorAll(".tick input:checked")) box.checked = false;
    recount();
  },
  async past() {
    const here = document.getElementById("past-here");
    try {
      const answer = await fetch(`/api/past?${new URLSearchParams({ identity })}`);
      if (!answer.ok) throw new Error((await answer.json()).error);
      // the fragment is the server's own template, escaped there
      here.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
    } catch (error) {
      say(error.message, true);
    }
  },
};

document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.matches(".tick input")) recount();
  else if (target.dataset.set) edit({ action: target.dataset.set, value: target.value });
  else if (target.id === "picked-flank" && target.value) edit({ action: "flank", sightings: chosen(), value: target.value });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { ask: question, mark, untag, undo, settle, number, merge, how, new: fresh } = button.dataset;
  if (question) ASK[question]();
  else if (mark) edit({ action: "usable", sightings: chosen(), value: mark });
  else if (untag) edit({ action: "untag", value: untag });
  else if (undo) edit({ action: "undo", numbers: [Number(undo)] });
  else if (settle) edit({ action: settle, numbers: [Number(number)] });
  else if (fresh) edit({ action: "move", sightings: chosen(), value: "new" });
  else if (merge) edit({ action: how, other: merge }, document.querySelector('a[href^="/individual/"]').getAttribute("href"));
});

document.addEventListener("submit", (event) => {
  const { edit: action } = event.target.dataset;
  if (!action) return;
  event.preventDefault();
  const value = new FormData(event.target).get("value");
  if (String(value).trim()) edit({ action, value });
});

if (picked) recount();
