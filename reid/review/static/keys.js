// The keyboard. Letters can be turned off: they get in the way of speech input and of some screen readers.

const SAY = { s: "same", d: "different", n: "not sure", o: "other flank", x: "unusable", i: "new" };
const box = document.getElementById("keys-on");
box.checked = localStorage.getItem("reid-keys") !== "off";
box.addEventListener("change", () => localStorage.setItem("reid-keys", box.checked ? "on" : "off"));

const writing = (target) => target.closest("input:not([type=range]):not([type=checkbox]), textarea, select, dialog");

export function listenKeys(on) {
  const step = 60;
  const move = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const plain = {
    u: on.undo, k: on.skip, c: on.compare, p: on.spots, a: on.align, m: on.mirror, v: on.photo,
    "+": on.in, "=": on.in, "-": on.out, 0: on.fit, "?": on.help,
    "[": () => on.candidate(-1), "]": () => on.candidate(1), ",": () => on.burst(-1), ".": () => on.burst(1),
    b: () => on.turn(0, 1), B: () => on.turn(0, -1), t: () => on.turn(1, 1), T: () => on.turn(1, -1),
  };
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || writing(event.target) || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      return on.undo();
    }
    if (event.ctrlKey || event.metaKey) return;
    if (move[event.key]) {
      if (event.target.matches("input[type=range]")) return;
      event.preventDefault();
      return on.viewer.pan(...move[event.key]);
    }
    // without letters, the photos still take their own keys while they have the focus
    if (!box.checked && !(event.target.id === "stage" && "+=-0".includes(event.key))) return;
    const key = event.key.length === 1 && !(event.key in plain) ? event.key.toLowerCase() : event.key;
    if (SAY[key] && !event.repeat) {
      event.preventDefault();
      on.give(SAY[key]);
    } else if (plain[key] && (!event.repeat || "+-=".includes(key))) {
      event.preventDefault();
      plain[key]();
    }
  });
}
