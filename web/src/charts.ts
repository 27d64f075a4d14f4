// Charts and tables that several reports share: a sortable table, bars with intervals, points,
// many lines. Text goes in as text only (ui.ts).
import { type Column, Plot, chart, count, h, num, plot, withLegend } from "./ui";

// --- dots that swarm along a line ---

// The colour of a value by its place among the others, 0 (lowest) to 1; null: it is missing.
export const tone = (rank: number | null) =>
  rank === null ? "var(--missing)" : `color-mix(in oklab, var(--low), var(--high) ${Math.round(rank * 100)}%)`;

// How far aside of the line, in pixels, each dot lies so that dots of nearly one place do not hide each
// other: alternately above and below, in the order of the values. `scale`: pixels a unit from `low`.
export function swarmOffsets(values: number[], low: number, scale: number): number[] {
  const used = new Map<number, number>();
  return values.map((v) => {
    const bin = Math.round(((v - low) * scale) / 3);
    const n = used.get(bin) ?? 0;
    used.set(bin, n + 1);
    return Math.ceil(n / 2) * (n % 2 ? 1 : -1) * 2.2;
  });
}

// --- a table to sort, filter and save ---

export interface DataColumn<Row> extends Omit<Column<Row>, "cell"> {
  // What is sorted by and saved; null: there is none, and the row comes last.
  value: (row: Row) => string | number | null;
  cell?: Column<Row>["cell"]; // what is shown, if not the value
}

// A cell of a file that a spreadsheet may open: a text is never taken for a formula.
function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+@\t\r-]/.test(value) && !Number.isFinite(Number(value)) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv<Row>(rows: Row[], columns: DataColumn<Row>[]): string {
  return [columns.map((c) => csvCell(c.title)), ...rows.map((r) => columns.map((c) => csvCell(c.value(r))))]
    .map((line) => `${line.join(",")}\n`).join("");
}

export interface DataTable {
  element: HTMLElement;
  redraw: () => void; // after a change of what `marked` or `keep` say
}

// Headers sort (first click: best first, as `descending` says), a box filters by any text, a link
// saves what is shown as CSV. `select` is called with the row that was clicked.
export function dataTable<Row>(id: string, rows: Row[], columns: DataColumn<Row>[], options: {
  file: string;
  first?: number; // rows before "show more"
  sort?: { column: number; descending: boolean };
  find?: string; // placeholder of the filter's box; without it there is none
  keep?: (row: Row) => boolean;
  marked?: (row: Row) => boolean;
  select?: (row: Row) => void;
}): DataTable {
  let sort = options.sort;
  let query = "";
  let shown = options.first ?? 25;
  const body = h("tbody");
  const foot = h("div", { class: "controls" });
  const heads = columns.map((c, i) => {
    const button = h("button", { type: "button", class: "sort", title: c.hint, click: () => {
      sort = sort?.column === i ? { column: i, descending: !sort.descending } : { column: i, descending: Boolean(c.number) };
      redraw();
    } }, c.title);
    return h("th", { scope: "col", class: c.number ? "n" : undefined }, button);
  });
  const visible = (): Row[] => {
    let list = rows.filter((r) => (options.keep?.(r) ?? true)
      && (query === "" || columns.some((c) => String(c.value(r) ?? "").toLowerCase().includes(query))));
    if (sort) {
      const { column, descending } = sort;
      const value = columns[column].value;
      list = list.map((row) => ({ row, v: value(row) })).sort((a, b) => {
        if (a.v === null || b.v === null) return a.v === b.v ? 0 : a.v === null ? 1 : -1;
        const order = typeof a.v === "number" && typeof b.v === "number" ? a.v - b.v : String(a.v).localeCompare(String(b.v), "en", { numeric: true });
        return descending ? -order : order;
      }).map((x) => x.row);
    }
    return list;
  };
  const save = h("a", { href: "#", download: options.file, class: "save", click: () => {
    save.href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv(visible(), columns))}`;
  } }, "Save as CSV");
  const redraw = () => {
    heads.forEach((head, i) => head.setAttribute("aria-sort", sort?.column === i ? (sort.descending ? "descending" : "ascending") : "none"));
    const list = visible();
    body.replaceChildren(...list.slice(0, shown).map((row) =>
      h("tr", { class: [options.marked?.(row) ? "this" : "", options.select ? "pick" : ""].join(" ").trim() || undefined,
        click: options.select ? () => options.select!(row) : undefined },
        ...columns.map((c) => {
          const value = c.value(row);
          return h("td", { class: c.number ? "n" : undefined },
            c.cell ? c.cell(row) : value === null ? "–" : typeof value === "number" ? num(value, 6) : value);
        }))));
    foot.replaceChildren(...(list.length > shown
      ? [h("button", { type: "button", class: "more", click: () => { shown = list.length; redraw(); } }, `Show all ${count(list.length)} rows`)]
      : []), save);
  };
  const box = options.find
    ? h("input", { type: "search", placeholder: options.find, "aria-label": options.find, input: () => { query = box!.value.toLowerCase(); redraw(); } })
    : null;
  redraw();
  const element = h("div", { class: "data", id },
    box ? h("div", { class: "controls" }, box) : null,
    h("div", { class: "table" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body)),
    foot);
  return { element, redraw };
}

// --- bars ---

export interface BarRow {
  name: string;
  value: number;
  low?: number | null; // of an interval around the value
  high?: number | null;
  color?: string;
  group?: string; // of several bars with one name, drawn below each other
  note?: string; // more for the tip
}

// Horizontal bars in the given order, with whiskers where there are intervals.
export function bars(id: string, caption: string, rows: BarRow[], options: {
  label?: string;
  format?: (v: number) => string;
  tick?: string; // a number format of d3's for the axis
  groups?: { name: string; color: string }[]; // the legend
  note?: string;
} = {}): HTMLElement {
  const format = options.format ?? ((v: number) => num(v));
  const names = [...new Set(rows.map((r) => r.name))];
  const groups = options.groups?.map((g) => g.name) ?? [""];
  const tone = (r: BarRow) => r.color ?? options.groups?.find((g) => g.name === r.group)?.color ?? "var(--accent)";
  return chart(id, caption, (width) => {
    const left = Math.min(220, Math.max(60, 12 + 7 * Math.max(...names.map((n) => n.length))));
    const svg = plot(width, {
      marginLeft: left, marginRight: 60,
      height: 46 + names.length * (8 + 20 * groups.length),
      x: { label: options.label ?? null, grid: true, tickFormat: options.tick, nice: true },
      y: { axis: null, domain: groups, padding: 0.12 },
      fy: { label: null, domain: names, padding: 0.14, axis: "left", tickFormat: (d: string) => (d.length > 28 ? `${d.slice(0, 27)}…` : d) },
      marks: [
        Plot.barX(rows, { x: "value", y: (r: BarRow) => r.group ?? "", fy: "name", fill: tone, tip: true,
          title: (r: BarRow) => [r.group ? `${r.name} · ${r.group}` : r.name, format(r.value)
            + (typeof r.low === "number" && typeof r.high === "number" ? ` (${format(r.low)} to ${format(r.high)})` : ""), ...(r.note ? [r.note] : [])].join("\n") }),
        Plot.ruleY(rows.filter((r) => typeof r.low === "number" && typeof r.high === "number"),
          { x1: "low", x2: "high", y: (r: BarRow) => r.group ?? "", fy: "name", stroke: "var(--text)", strokeWidth: 1.5 }),
        Plot.text(rows, { x: (r: BarRow) => Math.max(r.value, r.high ?? r.value, 0), y: (r: BarRow) => r.group ?? "", fy: "name", text: (r: BarRow) => format(r.value), dx: 5, textAnchor: "start", fill: "var(--muted)" }),
        Plot.ruleX([0], { stroke: "var(--line)" }),
      ],
    });
    return options.groups ? withLegend(svg, options.groups) : svg;
  }, options.note);
}

// --- points and lines ---

export interface Axis {
  label?: string | null;
  log?: boolean;
  domain?: (number | string)[];
  categories?: boolean;
  format?: (v: number) => string;
}

const scale = (a: Axis): Plot.ScaleOptions => ({
  label: a.label ?? null,
  type: a.categories ? "point" : a.log ? "log" : "linear",
  domain: a.domain as never,
  tickFormat: a.format ? ((v: number) => a.format!(v)) as never : a.log && !a.categories ? ((v: number) => (Math.log10(v) % 1 === 0 ? num(v) : "")) as never : undefined,
});

export interface Point {
  x: number | string;
  y: number;
  color?: string;
  big?: boolean;
  faint?: boolean;
  title: string;
  link?: () => void;
}

// Points, with a line and a band behind them if there is a model of them.
export function scatter(id: string, caption: string, points: Point[], options: {
  x?: Axis;
  y?: Axis;
  band?: { x: number | string; low: number; high: number }[];
  line?: { x: number | string; y: number }[];
  steps?: boolean; // the line goes in steps
  legend?: { name: string; color: string; dash?: boolean }[];
  height?: number;
  note?: string;
} = {}): HTMLElement {
  const x = options.x ?? {}, y = options.y ?? {};
  const band = options.band ?? [], line = options.line ?? [];
  return chart(id, caption, (width) => {
    const curve = options.steps ? "step-after" : "linear";
    const svg = plot(width, {
      height: options.height ?? 250,
      x: { ...scale(x), padding: 0.5 }, y: { ...scale(y), grid: true, nice: true },
      marks: [
        ...(x.categories
          ? [Plot.ruleX(band, { x: "x", y1: "low", y2: "high", stroke: "var(--accent)", strokeOpacity: 0.25, strokeWidth: 18 }),
            Plot.dot(line, { x: "x", y: "y", symbol: "diamond", r: 8, fill: "var(--surface)", stroke: "var(--accent)", strokeWidth: 2 })]
          : [Plot.areaY(band, { x: "x", y1: "low", y2: "high", fill: "var(--accent)", fillOpacity: 0.14, curve }),
            Plot.lineY(line, { x: "x", y: "y", stroke: "var(--accent)", strokeWidth: 2, curve })]),
        Plot.dot(points, { x: "x", y: "y", r: (p: Point) => (p.big ? 6 : 3.2), fill: (p: Point) => p.color ?? "var(--c1)", fillOpacity: (p: Point) => (p.faint ? 0.35 : 0.85),
          stroke: (p: Point) => (p.big ? "var(--surface)" : "none"), strokeWidth: 1.5, title: "title", tip: true }),
      ],
      r: { type: "identity" },
    });
    return options.legend ? withLegend(svg, options.legend) : svg;
  }, options.note);
}

export interface Curve {
  name: string;
  points: [number, number | null][];
  color?: string;
  width?: number;
  faint?: boolean;
  dash?: boolean;
}

// Many lines over one axis; the nearest one tells what it is.
export function lines(id: string, caption: string, curves: Curve[], options: {
  x?: Axis;
  y?: Axis;
  legend?: { name: string; color: string; dash?: boolean }[];
  height?: number;
  note?: string;
} = {}): HTMLElement {
  const data = curves.flatMap((c) => c.points.filter(([, v]) => v !== null).map(([px, py]) => ({ x: px, y: py as number, c })));
  return chart(id, caption, (width) => {
    const svg = plot(width, {
      height: options.height ?? 300,
      x: scale(options.x ?? {}), y: { ...scale(options.y ?? {}), grid: true, nice: true },
      marks: [
        ...[true, false].map((faint) => Plot.lineY(data.filter((d) => Boolean(d.c.faint) === faint), { x: "x", y: "y", z: (d) => d.c.name + (d.c.dash ? " -" : ""),
          stroke: (d) => d.c.color ?? "var(--c1)", strokeOpacity: faint ? 0.28 : 1, strokeWidth: faint ? 1 : 2 })),
        Plot.dot(data, Plot.pointer({ x: "x", y: "y", fill: (d) => d.c.color ?? "var(--c1)", r: 4 })),
        Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `${d.c.name}\n${options.x?.label ?? "x"} ${num(d.x)}\n${num(d.y, 6)}` })),
      ],
    });
    return options.legend ? withLegend(svg, options.legend) : svg;
  }, options.note);
}
