// The queue: a question on the screen, the next ones ready behind it, answers on their way.
import { get, post, say } from "./api.js";
import { refreshCount, showLeft } from "./census.js";
import { fillFacts, fillPanel, prepare, sharper, whole } from "./item.js";
import { listenKeys } from "./keys.js";
import { pick } from "./pick.js";
import { Viewer } from "./viewer.js";

const root = document.getElementById("review");
const { season } = root.dataset;
const comparing = Boolean(root.dataset.query);
const stage = document.getElementById("stage");
const panels = ["query", "candidate"].map((id) => document.getElementById(id));
const viewer = new Viewer(stage, document.getElementById("lines"), panels);
const empty = document.getElementById("empty");
const others = document.getElementById("others");
const AHEAD = 12;

const state = { current: null, queue: [], given: [], skipped: new Set(JSON.parse(sessionStorage.getItem("reid-skipped") || "[]")), photo: false, sharp: false };
let line = Promise.resolve(); // answers go one after the other
let clock = 0; // counts the answers given
let filling = false;
let more = false;

const button = (name) => root.querySelector(`[data-do="${name}"]`);
const pressed = (name, on) => button(name).setAttribute("aria-pressed", String(on));

// Whether there is something to answer.
function usable(on) {
  for (const one of root.querySelectorAll("[data-say]")) one.disabled = !on;
  others.parentElement.hidden = !on;
}

function none(words, links = [], over = true) {
  state.current = null;
  root.dataset.key = "";
  for (const panel of panels) panel.hidden = true;
  viewer.show([]);
  document.getElementById("ask").textContent = words;
  document.getElementById("likely-words").textContent = "";
  document.getElementById("meter").hidden = true;
  document.getElementById("facts").textContent = "";
  document.getElementById("spots-words").textContent = "";
  others.replaceChildren();
  usable(false);
  empty.hidden = false;
  empty.replaceChildren(words, ...links.map(([text, href]) => Object.assign(document.createElement("a"), { textContent: text, href })));
  root.dataset.ready = over ? "none" : "";
}

function show(item, keepView = false) {
  state.current = item;
  root.dataset.ready = "";
  root.dataset.key = item.key;
  empty.hidden = true;
  usable(true);
  stage.classList.toggle("one", !item.candidate);
  state.photo = false;
  state.sharp = false;
  pressed("photo", false);
  if (!keepView) viewer.view = { zoom: 1, x: 0, y: 0 };
  viewer.on.mirror = item.mirrored;
  pressed("mirror", item.mirrored);
  fillFacts(item);
  fillPanel(panels[0], item.query, false, (sighting) => exchange({ query: sighting }));
  fillPanel(panels[1], item.candidate, item.mirrored, (sighting) => exchange({ candidate: sighting }));
  fillOthers(item);
  button("photo").disabled = !item.query.photo && !(item.candidate && item.candidate.photo);
  const found = prepare(item);
  viewer.spots = null;
  viewer.show(found.images);
  const words = document.getElementById("spots-words");
  words.textContent = item.candidate ? "Looking for spots…" : "";
  found.spots.then((spots) => {
    if (state.current !== item) return;
    viewer.spots = spots;
    words.textContent = !item.candidate ? "" : spots.error ? spots.error : spots.spots ? `${spots.spots} spots match, ${spots.inliers} of them in one place` : "no spot matches";
    button("align").disabled = !spots.turn;
    if (item.probability === null && spots.probability !== null && spots.probability !== undefined) {
      item.probability = spots.probability;
      item.likely = spots.likely;
      fillFacts(item);
    }
    viewer.draw();
  });
  found.loaded.then(() => {
    if (state.current !== item) return;
    requestAnimationFrame(() => {
      root.dataset.ready = item.key;
    });
  });
  for (const next of state.queue.slice(0, 3)) prepare(next);
}

function fillOthers(item) {
  const list = item.candidates || [];
  others.replaceChildren(
    ...list.map((one, i) => Object.assign(document.createElement("option"), { value: String(i), textContent: `${one.name} · ${one.likely}` })),
  );
  const at = list.findIndex((one) => item.candidate && one.candidate === item.candidate.sighting && one.query === item.query.sighting);
  if (at < 0) others.prepend(Object.assign(document.createElement("option"), { value: "", textContent: item.candidate ? `${item.candidate.identity || "nobody yet"} · chosen` : "nobody", selected: true }));
  else others.value = String(at);
  others.disabled = list.length + (at < 0) < 2;
}

// Puts another photo or another candidate beside, in the same question.
async function exchange(change) {
  const item = state.current;
  if (!item) return;
  const query = change.query || item.query.sighting;
  const candidate = change.candidate === undefined ? item.candidate && item.candidate.sighting : change.candidate;
  try {
    const fresh = await get("/api/item", { season, query, ...(candidate ? { candidate } : {}) });
    if (state.current !== item) return;
    const known = (item.candidates || []).find((one) => one.query === query && one.candidate === candidate);
    if (known) Object.assign(fresh, { probability: known.probability, likely: known.likely });
    show({ ...item, ...fresh, reason: candidate === (item.candidate && item.candidate.sighting) ? item.reason : "Are these one animal?" }, change.query !== undefined);
  } catch (error) {
    say(error.message, true);
  }
}

function next() {
  const item = state.queue.shift();
  if (item) return show(item);
  none("Looking for the next question…", [], false);
  return fill();
}

// One at a time: answers that come meanwhile are one more round afterwards.
async function fill() {
  more = filling;
  if (filling) return;
  filling = true;
  try {
    do {
      more = false;
      await line;
      await refill();
    } while (more);
  } finally {
    filling = false;
  }
}

async function refill() {
  const mark = clock;
  const under = new Set(state.given.filter((one) => !one.event));
  try {
    const answer = await get("/api/queue", { season, limit: AHEAD, skip: [...state.skipped].join(",") });
    showLeft(answer);
    // what was answered while the list was on its way may still be in it
    const busy = new Set([state.current && state.current.key, ...state.given.filter((one) => under.has(one) || one.at > mark).map((one) => one.item.key)]);
    state.queue = answer.items.filter((one) => !busy.has(one.key));
    for (const item of state.queue.slice(0, 3)) prepare(item);
    if (!state.current) {
      if (state.queue.length) next();
      else none("Every question is answered.", [["Look at the individuals", "/individuals"], ["Look at the photos without identity", "/unidentified"]]);
    }
  } catch (error) {
    say(error.message, true);
  }
}

function count() {
  refreshCount(season).catch((error) => say(error.message, true));
}

const waiting = () => [state.current, ...state.queue].filter((item) => item && item.query).map((item) => ({ key: item.key, query: item.query.sighting, candidate: item.candidate ? item.candidate.sighting : null, revision: item.revision, item }));

function settle(answer, asked) {
  for (const { key, item } of asked) {
    item.revision = answer.revisions[key];
    item.closed = answer.open[key] === false;
  }
  state.queue = state.queue.filter((item) => !item.closed);
  if (state.current && state.current.closed && !comparing) {
    say("The next one was settled by your answer.");
    next();
  }
}

function give(said) {
  const item = state.current;
  if (!item) return;
  if (!item.candidate && !["unusable", "new"].includes(said)) return say("There is nobody to compare with: choose somebody (C), or say that it is new (I).", true);
  const entry = { item, event: 0, at: ++clock };
  state.given.push(entry);
  if (comparing) state.current = item;
  else next();
  line = line.then(async () => {
    if (item.closed) return;
    const asked = waiting().filter((one) => one.item !== item);
    const body = { season, query: item.query.sighting, candidate: item.candidate ? item.candidate.sighting : null, said, probability: item.probability, revision: item.revision };
    try {
      const answer = await post("/api/answer", { ...body, pending: asked.map(({ key, query, candidate, item: one }) => ({ key, query, candidate, revision: one.revision })) });
      entry.event = answer.event;
      say(answer.words, false, ["Undo", undo]);
      settle(answer, asked);
      if (comparing) await load();
    } catch (error) {
      state.given = state.given.filter((one) => one !== entry);
      say(error.message, true);
      if (error.status !== 409 && !comparing) {
        if (state.current) state.queue.unshift(state.current);
        show(item);
      }
    }
  });
  line.then(() => {
    if (!comparing) fill();
    count();
  });
}

function undo() {
  line = line.then(async () => {
    const last = state.given.pop();
    const asked = waiting();
    try {
      const answer = await post("/api/undo", { event: last ? last.event : null, pending: asked.map(({ key, query, candidate, item: one }) => ({ key, query, candidate, revision: one.revision })) });
      say(answer.words);
      settle(answer, asked);
      if (comparing) return await load();
      if (last) {
        if (state.current) state.queue.unshift(state.current);
        const fresh = await get("/api/item", { season, query: last.item.query.sighting, ...(last.item.candidate ? { candidate: last.item.candidate.sighting } : {}) });
        show({ ...last.item, ...fresh, probability: last.item.probability, likely: last.item.likely, closed: false });
      }
    } catch (error) {
      if (last) state.given.push(last);
      say(error.message, true);
    }
  });
  line.then(() => {
    if (!comparing) fill();
    count();
  });
}

function skip() {
  if (!state.current || comparing) return;
  state.skipped.add(state.current.key);
  sessionStorage.setItem("reid-skipped", JSON.stringify([...state.skipped]));
  if (!state.queue.length) return say("There is no other question.");
  next();
  fill();
}

async function compare() {
  const item = state.current;
  if (!item) return;
  const one = await pick("Compare with…", item.query.sighting);
  if (!one) return;
  const { sighting } = one.sighting ? one : await get("/api/best", { identity: one.identity, flank: item.query.flank });
  if (!sighting || sighting === item.query.sighting) return say("This individual has no other photo to compare with.", true);
  exchange({ candidate: sighting });
}

function togglePhoto() {
  const item = state.current;
  if (!item || button("photo").disabled) return;
  state.photo = !state.photo;
  pressed("photo", state.photo);
  const sides = [item.query, item.candidate].filter(Boolean);
  const images = prepare(item).images;
  viewer.view = { zoom: 1, x: 0, y: 0 };
  if (!state.photo) return viewer.show(images);
  const boxes = sides.map((side) => side.photo && side.share);
  viewer.show(sides.map((side, i) => (side.photo ? whole(side) : images[i])), boxes);
}

viewer.enlarge = () => {
  const item = state.current;
  if (!item || state.sharp || state.photo) return;
  state.sharp = true;
  [item.query, item.candidate].filter(Boolean).forEach((side, i) => {
    const image = viewer.panels[i].image;
    const large = new Image();
    large.src = sharper(side, 2560);
    large.decode().then(() => {
      if (state.current !== item || viewer.panels[i].image !== image || large.naturalWidth <= image.naturalWidth) return;
      image.addEventListener("load", () => viewer.draw(), { once: true });
      image.src = large.src;
    }, () => {});
  });
};

function candidate(step) {
  const options = [...others.options];
  const at = others.selectedIndex + step;
  if (at < 0 || at >= options.length) return;
  others.selectedIndex = at;
  chosen();
}

function chosen() {
  const one = (state.current && state.current.candidates || [])[Number(others.value)];
  if (others.value !== "" && one) exchange({ query: one.query, candidate: one.candidate });
}

function burst(step) {
  const buttons = [...panels[0].querySelectorAll(".burst button")];
  const at = buttons.findIndex((one) => one.getAttribute("aria-current")) + step;
  if (buttons[at]) buttons[at].click();
}

const light = ["brightness", "contrast"].map((id) => document.getElementById(id));
function relight() {
  viewer.light(...light.map((one) => Number(one.value)));
  light.forEach((one) => localStorage.setItem(`reid-${one.id}`, one.value));
}
function turn(which, steps) {
  light[which].value = Number(light[which].value) + steps * 0.15;
  relight();
}

function toggle(name) {
  viewer.on[name] = !viewer.on[name];
  pressed(name, viewer.on[name]);
  if (name === "mirror") panels[1].querySelector(".side").classList.toggle("mirrored", viewer.on.mirror);
  viewer.draw();
}

const DO = {
  spots: () => toggle("spots"),
  align: () => button("align").disabled || toggle("align"),
  mirror: () => toggle("mirror"),
  photo: togglePhoto,
  in: () => viewer.zoom(1.3),
  out: () => viewer.zoom(1 / 1.3),
  fit: () => viewer.fit(),
  compare, skip, undo,
  help: () => document.getElementById("help").showModal(),
};

root.addEventListener("click", (event) => {
  const pushed = event.target.closest("button");
  if (!pushed) return;
  if (pushed.dataset.say) give(pushed.dataset.say);
  else if (pushed.dataset.do) DO[pushed.dataset.do]();
});
others.addEventListener("change", chosen);
light.forEach((one) => {
  one.value = localStorage.getItem(`reid-${one.id}`) || 1;
  one.addEventListener("input", relight);
});
relight();
document.getElementById("season")?.addEventListener("change", (event) => event.target.form.submit());
listenKeys({ give, candidate, burst, turn, viewer, ...DO });

async function load() {
  try {
    const { query, candidate: other } = root.dataset;
    const fresh = await get("/api/item", { season, query, ...(state.current?.candidate || other ? { candidate: state.current?.candidate?.sighting || other } : {}) });
    show({ ...fresh, key: "compare", candidates: [], reason: other || state.current?.candidate ? "Are these one animal?" : "Compare with anybody: press C." });
    document.getElementById("left").textContent = "";
  } catch (error) {
    none(error.message);
  }
}

if (comparing) {
  button("skip").hidden = true;
  load();
} else {
  fill();
}
count();
