// Plots beside each other over the same time: what is pointed at in one is shown in all, and all zoom together.

import { $, fresh } from "./console.js";
import uPlot from "./uplot.js";

const HEIGHT = 180;
const FONT = "11px Inter, system-ui, sans-serif";

export class Plots {
  #place;
  #plots = [];
  #shape = "";
  #span;
  #zoom;
  #onZoom;
  #say;

  /** `onZoom` is told whether less than the whole span is shown, `say` what is to be spoken. */
  constructor(place, { onZoom, say }) {
    this.#place = place;
    this.#onZoom = onZoom;
    this.#say = say;
    new ResizeObserver(() => this.#fit()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => ((this.#shape = ""), this.#again?.()));
  }

  #again;

  /** Draws these plots of values at moments, in seconds; those of the same shape as before are kept. */
  draw(moments, list, { from, to, byDay = false }) {
    this.#again = () => this.draw(moments, list, { from, to, byDay });
    const shape = JSON.stringify(list.map(({ name, lines }) => [name, lines.map(({ label }) => label)]));
    this.#span = [from, to];
    if (shape !== this.#shape) {
      const open = new Set(this.#plots.filter((plot) => plot.isOpen).map((plot) => plot.name));
      const focus = this.#plots.find((plot) => plot.hasFocus)?.name;
      for (const plot of this.#plots) plot.destroy();
      this.#plots = list.map((options) => new Plot(this, options, byDay));
      this.#place.replaceChildren(...this.#plots.map((plot) => plot.figure));
      this.#shape = shape;
      this.#fit();
      for (const plot of this.#plots) plot.restore(open.has(plot.name), focus === plot.name);
    }
    const [min, max] = this.#zoom ?? this.#span;
    list.forEach((options, index) => this.#plots[index].set(moments, options, min, max));
  }

  /** Shows a part of the span. */
  zoom(min, max) {
    const [from, to] = this.#span;
    this.#zoom = [Math.max(min, from), Math.min(max, to)];
    for (const plot of this.#plots) plot.scale(...this.#zoom);
    this.#onZoom(true);
  }

  /** Shows the whole span. */
  whole() {
    this.#zoom = undefined;
    if (this.#span) for (const plot of this.#plots) plot.scale(...this.#span);
    this.#onZoom(false);
  }

  /** Takes a key that was pressed on a plot; answers whether it means anything. */
  key(plot, key) {
    const [min, max] = this.#zoom ?? this.#span;
    const middle = plot.moment ?? (min + max) / 2;
    if (key === "Escape") this.whole();
    else if (key === "+" || key === "=") this.zoom(middle - (middle - min) / 2, middle + (max - middle) / 2);
    else if (key === "-") this.zoom(middle - (middle - min) * 2, middle + (max - middle) * 2);
    else if (key === "ArrowLeft" || key === "ArrowRight") {
      plot.move(key === "ArrowLeft" ? -1 : 1);
      this.#say(plot.spoken);
    } else return false;
    return true;
  }

  #fit() {
    for (const plot of this.#plots) plot.fit();
  }
}

/** One of them. */
class Plot {
  #plots;
  #options;
  #uplot;
  #area;
  #details;
  #byDay;
  #filled = 0;
  /** The values as they are, of lines that are stacked too. */
  #values = [];

  constructor(plots, options, byDay) {
    this.#plots = plots;
    this.#options = options;
    this.#byDay = byDay;
    this.name = options.name;
    this.figure = fresh("plot");
    this.figure.id = `plot-${options.name}`;
    $("h2", this.figure).textContent = options.title;
    $("figcaption p", this.figure).textContent = options.unit;
    this.#area = $(".area", this.figure);
    this.#area.setAttribute("aria-label", `${options.title}, ${options.unit}: plot; its numbers are in a table below`);
    this.#details = $("details", this.figure);
    this.#details.addEventListener("toggle", () => ((this.#filled = 0), this.#fill()));
    this.#area.addEventListener("keydown", (event) => this.#plots.key(this, event.key) && event.preventDefault());
    this.#uplot = new uPlot(this.#shape(), [[], ...options.lines.map(() => [])], this.#area);
    $(".u-legend", this.#area).setAttribute("aria-label", `${options.title}: what is pointed at, or last`);
    this.#area.classList.toggle("nothing", options.lines.length === 0);
  }

  get isOpen() {
    return this.#details.open;
  }

  get hasFocus() {
    return this.#area === document.activeElement;
  }

  /** The moment that is pointed at. */
  get moment() {
    const { idx } = this.#uplot.cursor;
    return idx == null ? undefined : this.#uplot.data[0][idx];
  }

  /** What is pointed at, in words. */
  get spoken() {
    const { idx } = this.#uplot.cursor;
    if (idx == null) return "";
    const values = this.#options.lines.map(({ label }, line) => `${label} ${this.#told(line, idx)}`);
    return [this.#time(this.#uplot.data[0][idx]), ...values].join(", ");
  }

  restore(isOpen, hasFocus) {
    this.#details.open = isOpen;
    if (hasFocus) this.#area.focus();
  }

  set(moments, options, min, max) {
    this.#options = options;
    this.#values = options.lines.map(({ values }) => values);
    this.#uplot.setData([moments, ...(options.stacked ? stack(this.#values) : this.#values)], false);
    this.scale(min, max);
    // Else the last values stand there until somebody points.
    this.#uplot.setLegend({ idx: this.#uplot.cursor.idx ?? null }, false);
    this.#fill();
  }

  scale(min, max) {
    this.#uplot.setScale("x", { min, max });
  }

  /** Points at the next moment in a direction. */
  move(step) {
    const { cursor, data } = this.#uplot;
    const last = data[0].length - 1;
    const next = cursor.idx == null ? last : Math.min(last, Math.max(0, cursor.idx + step));
    this.#uplot.setCursor({ left: Math.round(this.#uplot.valToPos(data[0][next], "x")), top: 20 }, true, true);
  }

  fit() {
    const width = this.#area.clientWidth;
    if (width && width !== this.#uplot.width) this.#uplot.setSize({ width, height: HEIGHT });
  }

  destroy() {
    this.#uplot.destroy();
  }

  #shape() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--ink-faint"), font: FONT, grid, ticks: { show: false } };
    const { lines, format, bars, points, stacked } = this.#options;
    const columns = uPlot.paths.bars({ size: [0.62, 22], radius: 0.12 });
    const paths = bars ? columns : stacked ? uPlot.paths.stepped({ align: -1 }) : undefined;
    const line = ({ label, tone }, index) => ({
      label,
      stroke: colour(tone),
      width: bars ? 0 : 1.75,
      fill: bars || stacked ? colour(tone) : lines.length === 1 && !points ? `${colour(tone)}22` : undefined,
      paths,
      spanGaps: Boolean(points),
      points: { show: (plot, line, from, to) => points && isSparse(plot.data[line], from, to), size: 5 },
      value: (_, __, ___, at) => this.#told(index, at),
    });
    return {
      width: this.#area.clientWidth || 480,
      height: HEIGHT,
      legend: { markers: { width: 0, fill: (_, series) => (series ? colour(lines[series - 1].tone) : "transparent") } },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: "traffic" },
        points: { size: 7 },
        bind: { dblclick: () => () => this.#plots.whole() },
      },
      hooks: { setSelect: [(plot) => this.#select(plot)] },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, roomFor(most, format)] } },
      axes: [
        { ...axis, space: 72, size: 30, values: this.#byDay ? days : hours },
        { ...axis, size: 58, space: 34, values: (_, splits) => splits.map((value) => format(value)) },
      ],
      series: [{ label: "Time", value: (plot, _, __, at) => (at == null ? "last" : this.#time(plot.data[0][at])) }, ...lines.map(line)],
    };
  }

  /** The value of a line, where nothing is pointed at the last. */
  #told(line, at) {
    const values = this.#values[line] ?? [];
    const value = at == null ? values.findLast((value) => value !== null) : values[at];
    return value == null ? "–" : this.#options.format(value);
  }

  #time(moment) {
    const date = new Date(moment * 1_000);
    return this.#byDay ? date.toLocaleDateString([], { day: "numeric", month: "short" }) : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  }

  #select(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (plot === this.#uplot) this.#plots.zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  /** Writes the numbers as a table, where it is open. */
  #fill() {
    if (!this.#details.open || Date.now() - this.#filled < 10_000) return;
    this.#filled = Date.now();
    const { lines, title, points } = this.#options;
    const table = document.createElement("table");
    table.createCaption().textContent = `${title}, ${this.#options.unit}`;
    table.caption.className = "unseen";
    const head = table.createTHead().insertRow();
    for (const label of [this.#byDay ? "Day" : "Until", ...lines.map(({ label }) => label)]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = label;
      head.append(cell);
    }
    const body = table.createTBody();
    const moments = this.#uplot.data[0];
    for (let at = moments.length - 1; at >= 0; at -= points || this.#byDay ? 1 : 6) {
      if (this.#values.every((values) => values[at] === null)) continue;
      const row = body.insertRow();
      for (const text of [this.#time(moments[at]), ...lines.map((_, line) => this.#told(line, at))]) row.insertCell().textContent = text;
    }
    $(".numbers", this.figure).replaceChildren(table);
  }
}

/** Each line upon those after it, so that the first is drawn first and the others in front of its lower part. */
function stack(lines) {
  const stacked = lines.map((values) => [...values]);
  for (let line = lines.length - 2; line >= 0; line -= 1) {
    stacked[line] = stacked[line].map((value, at) => (value === null ? null : value + (stacked[line + 1][at] ?? 0)));
  }
  return stacked;
}

/** Whether so few values are in view that each is worth a point. */
const isSparse = (values, from, to) => values.slice(from, to + 1).reduce((count, value) => count + (value !== null), 0) < 60;

/** A little above the highest; something where there is nothing. */
function roomFor(most, format) {
  if (most > 0) return most * 1.12;
  return format(1).startsWith("$") ? 0.1 : 1;
}

const hours = (_, splits) => splits.map((moment) => new Date(moment * 1_000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
const days = (_, splits) => splits.map((moment) => new Date(moment * 1_000).toLocaleDateString([], { day: "numeric", month: "short" }));
