// The dialog in which an individual is chosen: by name, or by its looks.
import { element, get, picture } from "./api.js";

const dialog = document.getElementById("pick-dialog");
const input = document.getElementById("pick-input");
const list = document.getElementById("pick-list");
const hint = document.getElementById("pick-hint");
let asked = 0;
let done = null;
let shown = ""; // the text that the list answers
let entered = false; // Enter was pressed before the list had followed the text

function show(found, words) {
  hint.textContent = words;
  list.replaceChildren(
    ...found.map((one) => {
      const image = element("img", { src: picture(one.cover || one.sighting, 240), alt: "", loading: "lazy" });
      const facts = one.encounters ? `${one.encounters} ${one.encounters === 1 ? "encounter" : "encounters"} · ${one.flanks.join(", ") || "no flank"}` : "looks alike";
      const text = element("span", {}, element("bdi", { className: "name", textContent: one.identity }), element("small", { className: "soft", textContent: facts }));
      const button = element("button", { type: "button" }, element("span", { className: "frame" }, image), text);
      button.addEventListener("click", () => {
        done = one;
        dialog.close("ok");
      });
      return element("li", {}, button);
    }),
  );
}

function first() {
  const button = list.querySelector("button");
  if (input.value.trim() && button) button.click();
}

async function search(alike) {
  const mine = ++asked;
  const text = input.value.trim();
  try {
    if (!text && alike) {
      const near = await get("/api/lookalikes", { sighting: alike });
      if (mine === asked && near.found.length) return show(near.found, "Most alike to the network:");
    }
    const answer = await get("/api/search", { text });
    if (mine !== asked) return;
    const more = answer.total > answer.found.length ? `The first ${answer.found.length} of ${answer.total}.` : "";
    show(answer.found, answer.total ? more : "Nobody fits.");
    shown = text;
    if (entered) first();
    entered = false;
  } catch (error) {
    hint.textContent = error.message;
  }
}

// Resolves to {identity, number, ...}, or null if nobody was chosen.
export function pick(title, alike = "") {
  document.getElementById("pick-title").textContent = title;
  input.value = "";
  done = null;
  shown = "";
  entered = false;
  list.replaceChildren();
  dialog.returnValue = "cancel";
  let wait = 0;
  const typed = () => {
    clearTimeout(wait);
    wait = setTimeout(() => search(alike), 120);
  };
  const key = (event) => {
    const buttons = [...list.querySelectorAll("button")];
    if (event.key === "Enter" && document.activeElement === input) {
      event.preventDefault();
      entered = shown !== input.value.trim();
      if (!entered) first();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const at = buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      (buttons[at] || input).focus();
    }
  };
  input.addEventListener("input", typed);
  dialog.addEventListener("keydown", key);
  dialog.showModal();
  input.focus();
  search(alike);
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        input.removeEventListener("input", typed);
        dialog.removeEventListener("keydown", key);
        asked++;
        resolve(done);
      },
      { once: true },
    );
  });
}
