// One question on the screen: its words, its facts, its pictures.
import { element, get, photo, picture } from "./api.js";

export const LARGE = 1280;
const ready = new Map(); // by pair: pictures that are loading or loaded, and the spots

const name = (item) => `${item.query.sighting}\n${item.candidate ? item.candidate.sighting : ""}`;

function image(sighting, alt) {
  const made = element("img", { alt, decoding: "async", draggable: false });
  made.src = picture(sighting, LARGE);
  return made;
}

const words = (side) => `${side.identity || "nobody yet"}: ${side.side}, ${side.station || "no station"}, ${side.when}`;

// Begins to load what an item needs; called again, gives the same.
export function prepare(item) {
  const key = name(item);
  if (!ready.has(key)) {
    const sides = [item.query, item.candidate].filter(Boolean);
    const images = sides.map((side) => image(side.sighting, words(side)));
    const spots = item.candidate
      ? get("/api/spots", { query: item.query.sighting, candidate: item.candidate.sighting }).catch((error) => ({ points: [], error: error.message }))
      : Promise.resolve({ points: [] });
    ready.set(key, { images, loaded: Promise.all(images.map((one) => one.decode().catch(() => {}))), spots });
    if (ready.size > 24) ready.delete(ready.keys().next().value);
  }
  return ready.get(key);
}

export const whole = (side) => element("img", { alt: `Whole photo, ${words(side)}`, src: photo(side.sighting, 2560), draggable: false });

export const sharper = (side, size) => picture(side.sighting, size);

export function fillPanel(figure, side, mirrored, swap) {
  const link = figure.querySelector(".name");
  figure.hidden = !side;
  if (!side) return;
  link.replaceChildren(element("bdi", { textContent: side.identity || "nobody yet" }));
  link.title = side.identity || "";
  if (side.number) link.setAttribute("href", `/individual/${side.number}`);
  else link.removeAttribute("href");
  const flank = figure.querySelector(".side");
  flank.textContent = side.side;
  flank.classList.toggle("mirrored", mirrored);
  figure.querySelector(".when").textContent = side.when;
  figure.querySelector(".where").replaceChildren(element("bdi", { textContent: side.station || "no station", title: side.path }));
  const burst = figure.querySelector(".burst");
  const several = side.burst.length > 1;
  burst.replaceChildren(
    ...(several ? side.burst : []).map((one, i) => {
      const button = element("button", { type: "button", title: `${one.side}, ${one.when}` }, element("img", { src: picture(one.sighting, 240), alt: `Photo ${i + 1} of this visit, ${one.side}`, loading: "lazy" }));
      if (one.sighting === side.sighting) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => swap(one.sighting));
      return element("li", {}, button);
    }),
  );
}

export function fillFacts(item) {
  document.getElementById("ask").textContent = item.reason || (item.candidate ? "Are these one animal?" : "Whom does this look like?");
  const meter = document.getElementById("meter");
  meter.hidden = item.probability === null;
  meter.value = item.probability || 0;
  document.getElementById("likely-words").textContent = item.likely;
  document.getElementById("facts").textContent = item.between.join(" · ");
}
