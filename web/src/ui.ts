// The page's pieces: elements, numbers as text, sections, figures, tables, choices.
// Text always goes in as text nodes, never as HTML.
import * as Plot from "@observablehq/plot";

type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | EventListener | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((c) => c !== null && c !== undefined && c !== false).map((c) =>
    typeof c === "number" ? String(c) : (c as Node | string)));
  return element;
}

// --- numbers ---

export function num(v: number | null | undefined, digits = 4): string {
  if (v === null || v === undefined || !Number.isFinite(v)) return "–";
  const magnitude = Math.abs(v);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e9)) return v.toExponential(digits - 1);
  if (Number.isInteger(v)) return v.toLocaleString("en-US");
  if (magnitude >= 1000) return v.toLocaleString("en-US", { maximumFractionDigits: 1 });
  return String(Number(v.toPrecision(digits)));
}

type Maybe = number | null | undefined;

// `none` is said where the statistic does not exist.
export const fixed = (v: Maybe, digits = 4, none = "–"): string =>
  typeof v === "number" && Number.isFinite(v) ? v.toFixed(digits) : none;

export function percent(v: Maybe, digits = 1): string {
  return typeof v === "number" && Number.isFinite(v) ? `${(v * 100).toFixed(digits)} %` : "–";
}

export const count = (v: number): string => v.toLocaleString("en-US");

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${num(seconds * 1000, 3)} ms`;
  if (seconds < 60) return `${num(seconds, 3)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function time(iso: string | null): string {
  if (!iso) return "–";
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// --- structure ---

export interface Section {
  id: string;
  title: string;
  intro?: string;
  body: Child[];
}

export function section({ id, title, intro, body }: Section): HTMLElement {
  return h("section", { id, "aria-labelledby": `${id}-title` },
    h("div", { class: "head" },
      h("h2", { id: `${id}-title` }, h("a", { href: `#${id}`, class: "anchor" }, title)),
      intro ? h("p", { class: "intro" }, intro) : null),
    ...body);
}

// The axis of boosting rounds: whole numbers only.
export const rounds = { label: "round", tickFormat: (d: number) => (Number.isInteger(d) ? count(d) : "") };

export const grid = (...children: Child[]): HTMLElement => h("div", { class: "grid" }, ...children);

export function card(title: string, ...children: Child[]): HTMLElement {
  return h("div", { class: "card" }, title ? h("h3", {}, title) : null, ...children);
}

export interface Tile {
  label: string;
  value: string;
  hint?: string;
}

export function tiles(list: Tile[]): HTMLElement {
  return h("dl", { class: "tiles" },
    ...list.map((t) =>
      h("div", { class: "tile", title: t.hint },
        h("dt", {}, t.label), h("dd", {}, t.value), t.hint ? h("dd", { class: "hint" }, t.hint) : null)));
}

export interface Column<Row> {
  title: string;
  cell: (row: Row) => Child;
  number?: boolean;
  hint?: string;
}

// A table that shows `first` rows and a button for the rest.
export function table<Row>(rows: Row[], columns: Column<Row>[], first = Infinity): HTMLElement {
  const line = (row: Row) =>
    h("tr", {}, ...columns.map((c) => h("td", { class: c.number ? "n" : undefined }, c.cell(row))));
  const body = h("tbody", {}, ...rows.slice(0, first).map(line));
  const all = h("div", { class: "table" },
    h("table", {},
      h("thead", {}, h("tr", {}, ...columns.map((c) =>
        h("th", { scope: "col", class: c.number ? "n" : undefined, title: c.hint }, c.title)))),
      body));
  if (rows.length > first) {
    const more = h("button", { type: "button", class: "more", click: () => {
      body.append(...rows.slice(first).map(line));
      more.remove();
    } }, `Show all ${count(rows.length)} rows`);
    all.append(more);
  }
  return all;
}

// One of several values; `change` is called with the chosen one, and once at the start.
export function choice(
  label: string,
  options: { value: string; text: string }[],
  change: (value: string) => void,
): HTMLElement {
  if (options.length > 6) {
    const select = h("select", { "aria-label": label, change: () => change(select.value) },
      ...options.map((o) => h("option", { value: o.value }, o.text)));
    return h("label", { class: "choice" }, h("span", {}, label), select);
  }
  const buttons = options.map((o) =>
    h("button", { type: "button", "aria-pressed": "false", click: () => pick(o.value) }, o.text));
  const pick = (value: string) => {
    options.forEach((o, i) => buttons[i].setAttribute("aria-pressed", String(o.value === value)));
    change(value);
  };
  buttons[0]?.setAttribute("aria-pressed", "true");
  return h("div", { class: "choice", role: "group", "aria-label": label },
    h("span", {}, label), h("span", { class: "segments" }, ...buttons));
}

// --- figures ---

type Draw = (width: number) => Element;

export interface Figure {
  element: HTMLElement;
  redraw: () => void;
}

const figures: Figure[] = [];

// A chart that is drawn again when its width changes. `data-chart` names it; `data-drawn` says that
// it was drawn.
export function figure(id: string, caption: string, draw: Draw, note?: string): Figure {
  const box = h("div", { class: "plot" });
  const element = h("figure", { "data-chart": id, "aria-label": caption },
    caption ? h("figcaption", {}, caption) : null, box, note ? h("p", { class: "note" }, note) : null);
  let width = 0;
  const redraw = () => {
    if (width === 0) return;
    try {
      box.replaceChildren(draw(width));
      element.setAttribute("data-drawn", "");
    } catch (error) {
      console.error(`chart ${id}`, error);
      box.replaceChildren(h("p", { class: "note" }, "This chart could not be drawn."));
    }
  };
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now > 0 && Math.abs(now - width) > 1) {
      width = now;
      redraw();
    }
  }).observe(box);
  const made = { element, redraw };
  figures.push(made);
  return made;
}

export const chart = (id: string, caption: string, draw: Draw, note?: string): HTMLElement =>
  figure(id, caption, draw, note).element;

// Observable Plot with this page's manners.
export function plot(width: number, options: Plot.PlotOptions): Element {
  return Plot.plot({
    width,
    height: Math.round(Math.min(320, Math.max(220, width * 0.52))),
    marginLeft: 48,
    marginRight: 16,
    marginTop: 26,
    marginBottom: 36,
    ...options,
    style: { background: "transparent", fontSize: "12px", fontFamily: "inherit", overflow: "visible" },
  });
}

export const colors = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `var(--c${i})`);
export const color = (i: number): string => colors[i % colors.length];
// From nothing (0) to full (1) of a color.
export const shade = (share: number, of = "var(--accent)"): string =>
  `color-mix(in oklab, ${of} ${Math.round(Math.max(0, Math.min(1, share)) * 100)}%, var(--surface))`;

export function legend(items: { name: string; color: string; dash?: boolean }[]): HTMLElement {
  return h("ul", { class: "legend" }, ...items.map((i) =>
    h("li", {}, h("i", { style: `--swatch:${i.color}`, class: i.dash ? "dash" : undefined }), i.name)));
}

export function withLegend(svg: Element, items: { name: string; color: string; dash?: boolean }[]): Element {
  return h("div", {}, legend(items), svg as HTMLElement);
}

export { Plot };
