/**
 * Small plots: stacked bars and lines over time, drawn as SVG by DOM calls.
 *
 * A plot is a figure with a caption, a legend, the drawing and the same figures as a table. The drawing takes the
 * focus; arrow keys and the pointer move over its stretches of time, and the reading is shown and announced.
 */

import { element } from "./dom.js";
import { languageTag, say } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const TOP = 10;
const BOTTOM = 24;
const RIGHT = 6;
const TICKS = 4;

/**
 * @typedef {object} Series
 * @property {string} words key of its name
 * @property {Record<string, string>} [values] for the `{names}` in it
 * @property {string} tone names its colour: class `tone-…`
 * @property {(bucket: any) => number | null} value null is a gap
 * @property {boolean} [below] a bar below the axis
 */

/**
 * @typedef {object} PlotOptions
 * @property {string} id
 * @property {string} words key of its caption; `${words}.empty` says why there is nothing to draw
 * @property {"bars" | "lines"} kind
 * @property {Series[]} series
 * @property {any[]} buckets with `start` and `end`, ISO
 * @property {(value: number) => string} format of a value, with its unit
 * @property {boolean} [whole] whether values are whole numbers
 * @property {number} [most] the top of the axis, where it is known
 * @property {(bucket: any) => string} [label] names a bucket that is no stretch of time
 * @property {(bucket: any) => string} [tick] the same in few characters, for the axis
 */

/**
 * A plot.
 * @param {PlotOptions} options
 * @returns {HTMLElement}
 */
export function plot(options) {
  const { id, words, series, buckets } = options;
  const caption = element("figcaption", { id: `${id}-caption`, words });
  const drawn = buckets.some((bucket) => series.some((one) => one.value(bucket)));
  if (!drawn) {
    return element("figure", { class: "plot" }, caption, element("p", { class: "empty", words: `${words}.empty` }));
  }
  const legend = element("ul", { class: "legend" });
  for (const one of series) {
    const swatch = element("span", { class: `swatch tone-${one.tone}`, "aria-hidden": "true" });
    legend.append(element("li", {}, swatch, element("span", { words: one.words, values: one.values })));
  }
  const reading = element("div", { class: "reading", hidden: true });
  const spoken = element("p", { class: "hidden-visually", "aria-live": "polite" });
  const frame = element("div", { class: "frame" });
  frame.append(reading);
  const figure = element("figure", { class: "plot", id }, caption, legend, frame, spoken, table(options));
  follow(frame, reading, spoken, options);
  return figure;
}

/** Draw again whenever the frame has another width, and keep the place that is read. */
function follow(frame, reading, spoken, options) {
  let width = 0;
  let at = -1;
  const place = (number, aloud) => {
    at = number;
    showReading(frame, reading, options, at);
    if (aloud) spoken.textContent = at < 0 ? "" : readingText(options, at);
  };
  const draw = () => {
    const drawing = drawingOf(options, width);
    const before = frame.querySelector("svg");
    const focused = before !== null && before === document.activeElement;
    if (before) before.remove();
    frame.prepend(drawing);
    if (focused) drawing.focus();
    listen(drawing, options, () => at, place);
    showReading(frame, reading, options, at);
  };
  new ResizeObserver(([entry]) => {
    const next = Math.round(entry.contentRect.width);
    if (!next || next === width) return;
    width = next;
    draw();
  }).observe(frame);
}

function listen(drawing, options, at, place) {
  const last = options.buckets.length - 1;
  const moves = {
    ArrowLeft: () => Math.max(0, at() < 0 ? last : at() - 1),
    ArrowRight: () => Math.min(last, at() + 1),
    Home: () => 0,
    End: () => last,
    Escape: () => -1,
  };
  drawing.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    place(move(), true);
  });
  drawing.addEventListener("focus", () => at() < 0 && drawing.matches(":focus-visible") && place(last, true));
  drawing.addEventListener("blur", () => place(-1, true));
  drawing.addEventListener("pointermove", (event) => place(bucketAt(drawing, options, event.clientX), false));
  drawing.addEventListener("pointerdown", (event) => place(bucketAt(drawing, options, event.clientX), false));
  drawing.addEventListener("pointerleave", () => place(-1, false));
}

function bucketAt(drawing, options, clientX) {
  const left = Number(drawing.dataset.left);
  const box = drawing.getBoundingClientRect();
  const within = (clientX - box.left - left) / Math.max(1, box.width - left - RIGHT);
  return Math.max(0, Math.min(options.buckets.length - 1, Math.floor(within * options.buckets.length)));
}

function showReading(frame, reading, options, at) {
  const drawing = frame.querySelector("svg");
  const marker = drawing?.querySelector(".marker");
  reading.hidden = at < 0;
  if (!drawing || !marker) return;
  marker.setAttribute("visibility", at < 0 ? "hidden" : "visible");
  if (at < 0) return;
  const left = Number(drawing.dataset.left);
  const step = (drawing.clientWidth - left - RIGHT) / options.buckets.length;
  const middle = left + step * (at + 0.5);
  marker.setAttribute("x", String(left + step * at));
  marker.setAttribute("width", String(step));
  const bucket = options.buckets[at];
  const lines = options.series.map((one) => {
    const value = one.value(bucket);
    const swatch = element("span", { class: `swatch tone-${one.tone}` });
    const figure = value === null ? say("no.value") : options.format(value);
    return element("li", {}, swatch, element("span", { words: one.words, values: one.values }), element("b", {}, figure));
  });
  reading.replaceChildren(element("p", { dir: "auto" }, nameOf(options, bucket)), element("ul", {}, ...lines));
  const after = middle < drawing.clientWidth / 2;
  reading.style.left = after ? `${middle + step / 2 + 8}px` : "auto";
  reading.style.right = after ? "auto" : `${drawing.clientWidth - middle + step / 2 + 8}px`;
}

function readingText(options, at) {
  const bucket = options.buckets[at];
  const values = options.series.map((one) => {
    const value = one.value(bucket);
    return `${say(one.words, one.values)}: ${value === null ? say("no.value") : options.format(value)}`;
  });
  return `${nameOf(options, bucket)}. ${values.join(", ")}`;
}

/** @returns {SVGElement} */
function drawingOf(options, width) {
  const scale = scaleOf(options);
  const labels = scale.ticks.map((tick) => options.format(Math.abs(tick)));
  const left = 12 + 7.2 * Math.max(...labels.map((label) => label.length + wide(label)));
  const inner = width - left - RIGHT;
  const y = (value) => TOP + ((scale.high - value) / (scale.high - scale.low)) * (HEIGHT - TOP - BOTTOM);
  const drawing = svg("svg", {
    width,
    height: HEIGHT,
    viewBox: `0 0 ${width} ${HEIGHT}`,
    tabindex: 0,
    role: "img",
    "aria-labelledby": `${options.id}-caption`,
    "aria-description": say("plot.keys"),
    "data-left": left,
  });
  drawing.append(svg("rect", { class: "marker", x: left, y: TOP, width: 1, height: HEIGHT - TOP - BOTTOM, visibility: "hidden" }));
  scale.ticks.forEach((tick, number) => {
    const line = { x1: left, x2: width - RIGHT, y1: y(tick), y2: y(tick) };
    drawing.append(svg("line", { class: tick === 0 ? "axis" : "grid", ...line }));
    drawing.append(svg("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, labels[number]));
  });
  if (options.tick) names(drawing, options, left, inner);
  else times(drawing, options.buckets, left, inner);
  (options.kind === "bars" ? bars : lines)(drawing, options, { left, step: inner / options.buckets.length, y });
  return drawing;
}

function bars(drawing, options, { left, step, y }) {
  const gap = Math.min(3, step * 0.2);
  options.buckets.forEach((bucket, number) => {
    let above = 0;
    let below = 0;
    for (const one of options.series) {
      const value = one.value(bucket);
      if (!value) continue;
      const from = one.below ? -below - value : above;
      if (one.below) below += value;
      else above += value;
      const top = y(from + value);
      const height = Math.max(1, y(from) - top);
      const box = { x: left + step * number + gap / 2, y: top, width: Math.max(1, step - gap), height };
      drawing.append(svg("rect", { class: `bar tone-${one.tone}`, rx: Math.min(2, step / 4), ...box }));
    }
  });
}

function lines(drawing, options, { left, step, y }) {
  for (const one of options.series) {
    let path = "";
    let open = false;
    options.buckets.forEach((bucket, number) => {
      const value = one.value(bucket);
      if (value === null) {
        open = false;
        return;
      }
      const x = left + step * (number + 0.5);
      path += `${open ? "L" : "M"}${x.toFixed(1)} ${y(value).toFixed(1)}`;
      const alone = !open && [null, undefined].includes(one.value(options.buckets[number + 1] ?? {}) ?? null);
      drawing.append(svg("circle", { class: `dot tone-${one.tone}`, cx: x, cy: y(value), r: alone ? 3 : 1.8 }));
      open = true;
    });
    drawing.append(svg("path", { class: `line tone-${one.tone}`, d: path }));
  }
}

function times(drawing, buckets, left, inner) {
  const step = inner / buckets.length;
  const long = Date.parse(buckets[0].end) - Date.parse(buckets[0].start) > 12 * 3_600_000;
  const span = Date.parse(buckets[buckets.length - 1].end) - Date.parse(buckets[0].start);
  const days = span > 2.2 * 86_400_000;
  const every = Math.max(1, Math.ceil(buckets.length / Math.max(2, Math.floor(inner / 74))));
  let drawn = -every;
  buckets.forEach((bucket, number) => {
    const at = new Date(bucket.start);
    const begins = long || !days || at.getHours() === 0;
    if (!begins || number - drawn < every) return;
    drawn = number;
    const x = left + step * number;
    const label = dateText(at, days || long);
    const start = Math.min(x, left + inner - 6.6 * (label.length + wide(label)));
    drawing.append(svg("line", { class: "axis", x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }));
    drawing.append(svg("text", { class: "tick", x: start, y: HEIGHT - 6 }, label));
  });
}

/** What stands below buckets that are no stretches of time; where there is no room for all, below some. */
function names(drawing, { buckets, tick }, left, inner) {
  const step = inner / buckets.length;
  const every = Math.max(1, Math.ceil(56 / step));
  buckets.forEach((bucket, number) => {
    if ((buckets.length - 1 - number) % every) return;
    const x = left + step * (number + 0.5);
    drawing.append(svg("text", { class: "tick", x, y: HEIGHT - 6, "text-anchor": "middle" }, tick(bucket)));
  });
}

function table(options) {
  const { id, series, buckets, format } = options;
  const head = element("tr", {}, element("th", { scope: "col", words: options.label ? "evaluations.evaluation" : "time" }));
  for (const one of series) head.append(element("th", { scope: "col", class: "figure", words: one.words, values: one.values }));
  const rows = buckets
    .filter((bucket) => series.some((one) => one.value(bucket)))
    .map((bucket) => {
      const row = element("tr", {}, element("th", { scope: "row" }, nameOf(options, bucket)));
      for (const one of series) {
        const value = one.value(bucket);
        row.append(element("td", { class: "figure" }, value === null ? say("no.value") : format(value)));
      }
      return row;
    });
  const body = element("tbody", {}, ...rows.reverse());
  const whole = element("table", { "aria-labelledby": `${id}-caption` }, element("thead", {}, head), body);
  const scroller = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": `${id}-caption` }, whole);
  return element("details", { class: "as-table", "data-kept": `table-${id}` }, element("summary", { words: "as.table" }), scroller);
}

/** The ends of the value axis and its ticks, at round values. */
export function scaleOf({ series, buckets, kind, whole, most }) {
  let high = most ?? 0;
  let low = 0;
  for (const bucket of buckets) {
    let above = 0;
    let below = 0;
    for (const one of series) {
      const value = one.value(bucket) ?? 0;
      if (one.below) below += value;
      else above = kind === "bars" ? above + value : Math.max(above, value);
    }
    if (most === undefined) high = Math.max(high, above);
    low = Math.min(low, -below);
  }
  const step = roundStep((high - low || 1) / TICKS, whole);
  const top = most ?? Math.ceil(high / step - 1e-9) * step;
  const bottom = Math.floor(low / step + 1e-9) * step;
  const ticks = [];
  for (let tick = bottom; tick <= top + step / 1000; tick += step) ticks.push(Math.round(tick / step) * step);
  return { high: top || step, low: bottom, ticks };
}

function roundStep(rough, whole) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  return whole ? Math.max(1, Math.ceil(step)) : step;
}

function nameOf({ label }, bucket) {
  return label ? label(bucket) : stretch(bucket);
}

function stretch({ start, end }) {
  const from = new Date(start);
  const to = new Date(end);
  if (to.getTime() - from.getTime() > 12 * 3_600_000) {
    return new Intl.DateTimeFormat(languageTag(), { weekday: "short", month: "short", day: "numeric" }).format(from);
  }
  const format = new Intl.DateTimeFormat(languageTag(), {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return format.formatRange(from, to);
}

function dateText(at, days) {
  const form = days ? { month: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(languageTag(), /** @type {Intl.DateTimeFormatOptions} */ (form)).format(at);
}

/** Characters that take two columns. */
function wide(text) {
  return (text.match(/[\u3000-\u9fff\uff00-\uffef]/g) ?? []).length;
}

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}
