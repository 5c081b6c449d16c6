// The census as it stands, drawn again after every answer.
import { get } from "./api.js";

const bar = document.getElementById("interval");
const box = document.querySelector(".census");

function place(rect, low, high, scale) {
  rect.setAttribute("x", low * scale - 3);
  rect.setAttribute("width", (high - low) * scale + 6);
}

let wait = 0;
let running = false;
let again = false;

// One at a time: what was asked for meanwhile is asked once more afterwards.
export async function refreshCount(season, rough = true) {
  clearTimeout(wait);
  again = running;
  if (running) return;
  running = true;
  box.classList.add("stale");
  try {
    const count = await get("/api/count", { season, rough });
    if (!again) show(count);
    if (count.rough) wait = setTimeout(() => refreshCount(season, false).catch(() => {}), 2500);
  } finally {
    running = false;
  }
  if (again) await refreshCount(season, rough);
}

function show(count) {
  box.classList.remove("stale");
  document.getElementById("best").textContent = count.headline;
  document.getElementById("between").textContent = `${count.between} (${Math.round(count.confidence * 100)}\u00a0% interval)`;
  document.getElementById("undecided").textContent = count.unsure ? count.undecided : "";
  const scale = 196 / Math.max(count.high, count.first.high, count.best, 1);
  place(bar.querySelector(".was"), count.first.low, count.first.high, scale);
  place(bar.querySelector(".now"), count.low, count.high, scale);
  bar.querySelector(".best").setAttribute("cx", count.best * scale);
  bar.setAttribute("aria-label", `Between ${count.low} and ${count.high}; at first between ${count.first.low} and ${count.first.high}`);
  box.dataset.revision = count.revision;
}

export function showLeft(answer) {
  const rest = answer.left - answer.matter;
  const left = document.getElementById("left");
  left.textContent = answer.left
    ? `${answer.matter} ${answer.matter === 1 ? "question" : "questions"} left that ${answer.matter === 1 ? "moves" : "move"} the count${rest ? `, ${rest} that hardly ${rest === 1 ? "does" : "do"}` : ""}`
    : "no question left";
}
