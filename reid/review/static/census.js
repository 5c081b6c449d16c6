// The census as it stands, drawn again after every answer.
import { get } from "./api.js";

const bar = document.getElementById("interval");
const box = document.querySelector(".census");
let asked = 0;

function place(rect, low, high, scale) {
  rect.setAttribute("x", low * scale - 3);
  rect.setAttribute("width", (high - low) * scale + 6);
}

export async function refreshCount(season) {
  const mine = ++asked;
  box.classList.add("stale");
  const count = await get("/api/count", { season });
  if (mine !== asked) return;
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
