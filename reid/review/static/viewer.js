// Two photos that zoom and move together, and the spots that they share.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = [[42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
const LARGEST_SCALE = 4;

function colour(weight) {
  const at = Math.min(Math.max(weight, 0), 1) * (COLOURS.length - 1);
  const low = Math.min(Math.floor(at), COLOURS.length - 2);
  return `rgb(${COLOURS[low].map((value, i) => Math.round(value + (COLOURS[low + 1][i] - value) * (at - low))).join(" ")})`;
}

export class Viewer {
  constructor(stage, lines, panels) {
    this.stage = stage;
    this.lines = lines;
    this.panels = panels.map((figure) => ({ figure, frame: figure.querySelector(".frame"), image: null, box: null }));
    this.view = { zoom: 1, x: 0, y: 0 };
    this.spots = null;
    this.on = { spots: true, align: false, mirror: false };
    this.filter = "";
    this.pending = 0;
    this.enlarge = () => {};
    this._listen();
    new ResizeObserver(() => this.draw()).observe(stage);
  }

  // `images`: one or two <img>, loaded or not. `boxes`: the animal on each, as shares of the picture, or null.
  show(images, boxes = [null, null]) {
    this.panels.forEach((panel, i) => {
      panel.image = images[i] || null;
      panel.box = boxes[i] || null;
      panel.frame.replaceChildren(...(panel.image ? [panel.image] : []));
      if (panel.image) {
        panel.image.style.filter = this.filter;
        if (!panel.image.complete) panel.image.addEventListener("load", () => this.draw(), { once: true });
      }
    });
    this.draw();
  }

  light(brightness, contrast) {
    this.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
    for (const panel of this.panels) if (panel.image) panel.image.style.filter = this.filter;
  }

  fit() {
    this.view = { zoom: 1, x: 0, y: 0 };
    this.draw();
  }

  // About a point of a panel, given from its middle.
  zoom(factor, x = 0, y = 0) {
    const before = this.view.zoom;
    const zoom = Math.min(Math.max(before * factor, 0.5), 12);
    this.view = { zoom, x: x - ((x - this.view.x) * zoom) / before, y: y - ((y - this.view.y) * zoom) / before };
    if (zoom > 1.6) this.enlarge();
    this.draw();
  }

  pan(x, y) {
    this.view.x += x;
    this.view.y += y;
    this.draw();
  }

  draw() {
    if (!this.pending) this.pending = requestAnimationFrame(() => this._draw());
  }

  // The map from pixels of a panel's picture to pixels of its frame: [a, b, c, d, e, f] as in CSS.
  _matrix(i) {
    const { frame, image } = this.panels[i];
    const [wide, high, w, h] = [frame.clientWidth, frame.clientHeight, image.naturalWidth, image.naturalHeight];
    const base = Math.min(wide / w, high / h, LARGEST_SCALE);
    let [a, b, x, y] = [base, 0, 0, 0];
    const flip = i === 1 && this.on.mirror ? -1 : 1;
    const turn = i === 1 && this.on.align && flip === 1 && !this.panels[1].box && this.spots && this.spots.turn;
    if (turn) {
      const query = this.panels[0].image;
      const first = Math.min(this.panels[0].frame.clientWidth / query.naturalWidth, this.panels[0].frame.clientHeight / query.naturalHeight, LARGEST_SCALE);
      const scale = (turn[1] * first * query.naturalWidth) / w;
      const angle = (turn[0] * Math.PI) / 180;
      [a, b] = [scale * Math.cos(angle), scale * Math.sin(angle)];
      const middle = (from) => {
        const good = this.spots.points.filter((point) => point[5]);
        return [0, 1].map((k) => good.reduce((sum, point) => sum + point[from + k], 0) / good.length - 0.5);
      };
      const [here, there] = [middle(0), middle(2)];
      x = here[0] * query.naturalWidth * first - (a * there[0] * w - b * there[1] * h);
      y = here[1] * query.naturalHeight * first - (b * there[0] * w + a * there[1] * h);
    }
    const { zoom, x: px, y: py } = this.view;
    const [ma, mb, mc, md] = [a * flip * zoom, b * flip * zoom, -b * zoom, a * zoom];
    return [ma, mb, mc, md, wide / 2 + px + x * zoom - (ma * w + mc * h) / 2, high / 2 + py + y * zoom - (mb * w + md * h) / 2];
  }

  _draw() {
    this.pending = 0;
    const maps = this.panels.map((panel, i) => (panel.image && panel.image.naturalWidth ? this._matrix(i) : null));
    maps.forEach((map, i) => {
      if (map) this.panels[i].image.style.transform = `matrix(${map.join(",")})`;
    });
    const made = [];
    const place = (i, u, v) => {
      const { frame, image, figure } = this.panels[i];
      const [a, b, c, d, e, f] = maps[i];
      const [x, y] = [u * image.naturalWidth, v * image.naturalHeight];
      const at = [a * x + c * y + e, b * x + d * y + f];
      const inside = at[0] >= 0 && at[1] >= 0 && at[0] <= frame.clientWidth && at[1] <= frame.clientHeight;
      return { x: at[0] + figure.offsetLeft, y: at[1] + figure.offsetTop, inside };
    };
    const add = (tag, values) => {
      const node = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
      made.push(node);
    };
    this.panels.forEach((panel, i) => {
      if (!maps[i] || !panel.box) return;
      const [u, v, w, h] = panel.box;
      const corners = [[u, v], [u + w, v], [u + w, v + h], [u, v + h]].map((corner) => place(i, ...corner));
      add("polygon", { points: corners.map((one) => `${one.x},${one.y}`).join(" "), fill: "none", stroke: "#e3ad55", "stroke-width": 2 });
    });
    if (this.on.spots && this.spots && maps[0] && maps[1] && !this.panels[0].box && !this.panels[1].box) {
      for (const [u1, v1, u2, v2, weight, good] of [...this.spots.points].reverse()) {
        const [here, there] = [place(0, u1, v1), place(1, u2, v2)];
        const values = { stroke: colour(weight), class: good ? "good" : "weak" };
        if (here.inside && there.inside) add("line", { ...values, x1: here.x, y1: here.y, x2: there.x, y2: there.y });
        for (const one of [here, there]) if (one.inside) add("circle", { ...values, cx: one.x, cy: one.y, r: 4.5 });
      }
    }
    this.lines.replaceChildren(...made);
  }

  _listen() {
    const held = new Map();
    const middle = (event) => {
      const frame = event.target.closest(".panel")?.querySelector(".frame");
      if (!frame) return [0, 0];
      const box = frame.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    };
    this.stage.addEventListener("wheel", (event) => {
      if (event.target.closest(".burst")) return;
      event.preventDefault();
      this.zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 120) * 0.0022), ...middle(event));
    }, { passive: false });
    this.stage.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(".frame")) return;
      held.set(event.pointerId, event);
      this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", (event) => {
      const last = held.get(event.pointerId);
      if (!last) return;
      held.set(event.pointerId, event);
      if (held.size === 1) return this.pan(event.clientX - last.clientX, event.clientY - last.clientY);
      const other = [...held.values()].find((one) => one.pointerId !== event.pointerId);
      const reach = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      this.zoom(reach(event) / reach(last));
    });
    for (const end of ["pointerup", "pointercancel"]) this.stage.addEventListener(end, (event) => held.delete(event.pointerId));
    this.stage.addEventListener("dblclick", (event) => event.target.closest(".frame, .panel") && !event.target.closest("button, a") && this.fit());
  }
}
