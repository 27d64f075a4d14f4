// The report of an analysis: bias metrics of groups, what a model looks at, how it depends on it.
import { type BarRow, bars, dataTable, swarmOffsets, tone } from "./charts";
import type { ClarifyModel, ClarifyMetric, ClarifyShap, Dependence, GroupRates, ThresholdCurves } from "./clarify_model";
import { frame } from "./frame";
import {
  Plot, card, chart, choice, color, count, figure, fixed, grid, h, legend, num, percent, plot, plural, section, shade, table, tiles, withLegend,
} from "./ui";

type Value = number | string | null;
const finite = (v: Value): number | null => (typeof v === "number" && Number.isFinite(v) ? v : null);
const shown = (v: Value): string => (v === "Infinity" ? "∞" : v === "-Infinity" ? "−∞" : typeof v === "number" ? num(v) : "–");
const groupName = (facet: string, group: string) => (group === "" ? facet : `${facet} = ${group}`);

function overview(m: ClarifyModel): HTMLElement {
  const list = [{ label: "Rows", value: count(m.rows) }, { label: "Features", value: count(m.features) }];
  if (m.label) {
    list.push({ label: `Positive outcome of ${m.label.name}`, value: percent(m.label.positive_rows / Math.max(1, m.label.rows)) });
    if (m.label.predicted_positive_rows !== undefined) {
      list.push({ label: "Predicted", value: percent(m.label.predicted_positive_rows / Math.max(1, m.label.rows)) });
    }
  }
  if (m.shap) list.push({ label: "Explained rows", value: count(m.shap.explained) });
  return tiles(list);
}

// --- bias ---

function says(m: ClarifyMetric): string {
  const v = m.value;
  if (v === null) return m.error;
  const size = v === "Infinity" ? Infinity : v === "-Infinity" ? -Infinity : Number(v);
  if (Math.abs(size - (m.parity ?? 0)) < 1e-12) return "Both fare alike.";
  return (size > (m.parity ?? 0) ? m.above : m.below) ?? "";
}

function dotPlot(id: string, rows: ClarifyMetric[]): HTMLElement {
  const data = rows.filter((r) => finite(r.value) !== null).map((r) => ({
    name: r.name, x: Number(r.value) - (r.parity ?? 0), low: finite(r.low) === null ? null : Number(r.low) - (r.parity ?? 0),
    high: finite(r.high) === null ? null : Number(r.high) - (r.parity ?? 0), row: r,
  }));
  return chart(id, "Distance from parity, with the middle 95 % of 2,000 draws", (width) => plot(width, {
    height: 56 + data.length * 22, marginLeft: 64, marginTop: 8,
    x: { label: "value less parity (DI: less 1)", grid: true, nice: true },
    y: { type: "band", domain: data.map((d) => d.name), label: null, tickSize: 0 },
    marks: [
      Plot.ruleX([0], { stroke: "var(--good)", strokeWidth: 2 }),
      Plot.ruleY(data.filter((d) => d.low !== null && d.high !== null), { x1: "low", x2: "high", y: "name", stroke: "var(--muted)", strokeWidth: 3, strokeOpacity: 0.5 }),
      Plot.dot(data, { x: "x", y: "name", r: 4.5, fill: (d) => (d.low !== null && d.high !== null && (d.low > 0 || d.high < 0) ? "var(--warning)" : "var(--accent)"),
        tip: true, title: (d) => `${d.row.description}\n${shown(d.row.value)}${d.row.low === null ? "" : ` (${shown(d.row.low)} to ${shown(d.row.high)})`}\n${says(d.row)}` }),
    ],
  }), "Orange: parity lies outside of the draws. A metric without a dot has no finite value; the table says why.");
}

function metricsSection(m: ClarifyModel): HTMLElement {
  const keys = [...new Set(m.metrics.map((r) => JSON.stringify([r.facet, r.group])))];
  const holder = h("div");
  const draw = (key: string) => {
    const [facet, group] = JSON.parse(key) as [string, string];
    const rows = m.metrics.filter((r) => r.facet === facet && r.group === group);
    const list = dataTable("metrics-table", rows, [
      { title: "Metric", value: (r) => r.name, cell: (r) => h("b", { title: r.description }, r.name) },
      { title: "Of", value: (r) => (r.stage === "pre" ? "labels" : "predictions") },
      { title: "Value", value: (r) => finite(r.value), number: true, cell: (r) => shown(r.value) },
      { title: "Low", value: (r) => finite(r.low), number: true, cell: (r) => shown(r.low) },
      { title: "High", value: (r) => finite(r.high), number: true, cell: (r) => shown(r.high) },
      ...(m.compared ? [{ title: "Last run", value: (r: ClarifyMetric) => finite(r.last), number: true, cell: (r: ClarifyMetric) => shown(r.last) }] : []),
      { title: "It asks", value: (r) => r.question ?? r.description },
      { title: "It says", value: (r) => says(r) },
    ], { file: `${facet}-metrics.csv`, first: 40 });
    holder.replaceChildren(dotPlot("metrics-dots", rows), card("Every metric", list.element));
  };
  const pick = choice("Group", keys.map((k) => {
    const [facet, group] = JSON.parse(k) as [string, string];
    return { value: k, text: groupName(facet, group) };
  }), draw);
  draw(keys[0]);
  return section({
    id: "metrics", title: "Bias metrics",
    intro: "Each compares one group (d) with everybody else (a). Values that the configuration lists are the group under study.",
    body: [pick, holder],
  });
}

type Rate = "label_rate" | "predicted_rate" | "accuracy" | "precision" | "recall" | "false_positive_rate" | "false_negative_rate";
const rates: [Rate, string][] = [
  ["label_rate", "positive labels"], ["predicted_rate", "positive predictions"], ["accuracy", "accuracy"], ["precision", "precision"],
  ["recall", "recall"], ["false_positive_rate", "false positives"], ["false_negative_rate", "false negatives"],
];

const named = (g: GroupRates) => (g.group === "everybody else" ? `not ${groupName(g.facet, g.of)}` : groupName(g.facet, g.group));

// How many of a group's rows a share is of.
function rowsOf(g: GroupRates, key: Rate): number {
  if (key === "label_rate" || !g.confusion) return g.rows;
  const [tn, fp, fn, tp] = g.confusion;
  return { predicted_rate: g.rows, accuracy: g.rows, precision: fp + tp, recall: fn + tp, false_positive_rate: tn + fp, false_negative_rate: fn + tp }[key];
}

// A group's share beside the best group's of its facet, everybody else's and that of all rows; null: one of them has none.
interface Compared { group: GroupRates; share: number; best: number | null; rest: number | null; overall: number | null }

function compare(groups: GroupRates[], key: Rate): Compared[] {
  const share = (g: GroupRates) => (typeof g[key] === "number" ? g[key]! : null);
  return groups.filter((g) => share(g) !== null).map((g) => {
    const there = groups.filter((o) => o.facet === g.facet && share(o) !== null).map((o) => share(o)!);
    const other = groups.find((o) => o !== g && o.facet === g.facet && o.of === g.of);
    const rest = other ? share(other) : null;
    const parts = other ? [g, other].filter((o) => rowsOf(o, key) > 0) : [];
    const rows = parts.reduce((sum, o) => sum + rowsOf(o, key), 0);
    return {
      group: g, share: share(g)!, rest, best: key.startsWith("false") ? Math.min(...there) : Math.max(...there),
      overall: rows > 0 ? parts.reduce((sum, o) => sum + share(o)! * rowsOf(o, key), 0) / rows : null,
    };
  });
}

// 95 % of a share, by Wilson's interval.
function wilson(p: number, n: number): [number, number] {
  const z = 1.96, q = 1 + (z * z) / n, middle = (p + (z * z) / (2 * n)) / q;
  const half = (z / q) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [middle - half, middle + half];
}

function groupsSection(m: ClarifyModel): HTMLElement {
  const there = rates.filter(([key]) => m.groups.some((g) => typeof g[key] === "number"));
  const holder = h("div");
  const draw = (key: string) => {
    const list = compare(m.groups, key as Rate);
    const rows: BarRow[] = list.map(({ group, share }, i) => {
      const [low, high] = wilson(share, Math.max(1, rowsOf(group, key as Rate)));
      return { name: named(group), value: share, low, high, color: color(Math.floor(i / 2)), note: `of ${plural(rowsOf(group, key as Rate), "row")}` };
    });
    const less = (a: number, b: number | null) => (b === null ? null : a - b);
    const times = (a: number, b: number | null) => (b === null || b === 0 ? null : a / b);
    const beside = ([["best", "best"], ["rest", "everybody else"], ["overall", "all rows"]] as const).flatMap(([what, text]) => [
      { title: `Less ${text}`, number: true, value: (c: Compared) => less(c.share, c[what]), cell: (c: Compared) => fixed(less(c.share, c[what]), 3) },
      { title: `Times ${text}`, number: true, value: (c: Compared) => times(c.share, c[what]), cell: (c: Compared) => fixed(times(c.share, c[what]), 3) },
    ]);
    const table = dataTable("groups-compared", list, [
      { title: "Group", value: (c) => named(c.group) },
      { title: "Share", value: (c) => c.share, number: true, cell: (c) => percent(c.share) },
      ...beside,
    ], { file: `groups-${key}.csv` });
    holder.replaceChildren(bars("group-rates", "", rows, { format: (v) => percent(v), tick: "%" }), table.element,
      h("p", { class: "note" }, `Best: the ${key.startsWith("false") ? "lowest" : "highest"} of the same facet's groups.`));
  };
  const pick = choice("Share", there.map(([key, text]) => ({ value: key, text })), draw);
  draw(there[0][0]);
  const calibrated = m.groups.filter((g) => g.calibration !== undefined).map((g, i) => ({
    name: named(g), value: g.calibration!,
    low: g.calibration! - g.calibration_half_95!, high: g.calibration! + g.calibration_half_95!, color: color(Math.floor(i / 2)), note: plural(g.rows, "row"),
  }));
  const cells = dataTable("groups-table", m.groups, [
    { title: "Group", value: named },
    { title: "Rows", value: (g) => g.rows, number: true, cell: (g) => count(g.rows) },
    ...there.map(([key, text]) => ({
      title: text, number: true, value: (g: GroupRates) => g[key] ?? null, cell: (g: GroupRates) => percent(g[key]),
    })),
  ], { file: "groups.csv" });
  return section({
    id: "groups", title: "How groups fare", intro: "Shares of each group's rows; the lines are 95 % intervals of their size.",
    body: [card("Side by side", pick, holder),
      calibrated.length ? card("Calibration", bars("group-calibration", "Mean score less share of positive labels", calibrated,
        { note: "0: scores are what happens. A group right of another one gets higher scores for the same outcomes." })) : null,
      card("All shares", cells.element)],
  });
}

// Counts above a threshold: [label][predicted].
function confusion(negative: number[], positive: number[], from: number): number[][] {
  const above = (list: number[]) => list.slice(from).reduce((a, b) => a + b, 0);
  const all = (list: number[]) => list.reduce((a, b) => a + b, 0);
  const fp = above(negative), tp = above(positive);
  return [[all(negative) - fp, fp], [all(positive) - tp, tp]];
}

interface At { threshold: number; accuracy: number; dppl: number; di: number; rd: number; ad: number; sd: number }

function at(c: ThresholdCurves, bin: number, restBin = bin): At {
  const d = confusion(c.facet.negative, c.facet.positive, bin), a = confusion(c.rest.negative, c.rest.positive, restBin);
  const rows = (n: number[][]) => n[0][0] + n[0][1] + n[1][0] + n[1][1];
  const accepted = (n: number[][]) => (n[0][1] + n[1][1]) / Math.max(1, rows(n));
  const right = (n: number[][]) => (n[0][0] + n[1][1]) / Math.max(1, rows(n));
  const recall = (n: number[][]) => n[1][1] / Math.max(1, n[1][0] + n[1][1]);
  const specificity = (n: number[][]) => n[0][0] / Math.max(1, n[0][0] + n[0][1]);
  return {
    threshold: bin / c.bins, accuracy: (d[0][0] + d[1][1] + a[0][0] + a[1][1]) / Math.max(1, rows(d) + rows(a)),
    dppl: accepted(a) - accepted(d), di: accepted(d) / accepted(a), rd: recall(a) - recall(d), ad: right(a) - right(d), sd: specificity(d) - specificity(a),
  };
}

function matrix(title: string, n: number[][]): HTMLElement {
  const all = n.flat().reduce((a, b) => a + b, 0) || 1;
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, title), h("th", { class: "n" }, "rejected"), h("th", { class: "n" }, "accepted"))),
    h("tbody", {}, ...["label negative", "label positive"].map((name, i) => h("tr", {}, h("td", {}, name),
      ...n[i].map((v) => h("td", { class: "n" }, `${count(v)} (${percent(v / all)})`)))))));
}

function thresholdSection(m: ClarifyModel): HTMLElement {
  const holder = h("div");
  const draw = (key: string) => {
    const one = m.thresholds[Number(key)];
    const c = one.curves;
    const all = Array.from({ length: c.bins }, (_, i) => at(c, i));
    const best = all.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
    const equal = all.filter((p) => p.threshold > 0).reduce((a, b) => (Math.abs(b.rd) < Math.abs(a.rd) ? b : a));
    const fifths = all.find((p) => p.di >= 0.8 && p.threshold > 0);
    let bin = Math.round(m.threshold * c.bins), rest = bin, apart = false;
    const facts = h("div", { id: "threshold-facts" });
    const series: [keyof At, string][] = [["accuracy", "accuracy"], ["dppl", "DPPL"], ["di", "DI"], ["rd", "RD"], ["ad", "AD"], ["sd", "SD"]];
    const fig = figure("threshold-curves", "Accuracy and metrics at every threshold", (width) => plot(width, {
      height: 280, x: { label: "threshold", domain: [0, 1] }, y: { grid: true, domain: [-1, 1.5], clamp: true, label: null },
      marks: [
        Plot.ruleY([0, 1], { stroke: "var(--line)" }),
        ...series.map(([name], i) => Plot.lineY(all.filter((p) => Number.isFinite(p[name])), { x: "threshold", y: name, stroke: color(i), strokeWidth: 1.6, clip: true })),
        Plot.ruleX([bin / c.bins], { stroke: "var(--text)" }),
      ],
    }));
    // False positives and recall at every threshold; from nobody (the last one) to everybody.
    const points = (n: ThresholdCurves["rest"]) => Array.from({ length: c.bins + 1 }, (_, b) => {
      const [[tn, fp], [fn, tp]] = confusion(n.negative, n.positive, b);
      return { x: fp / (tn + fp), y: tp / (fn + tp), b };
    });
    const sides = [
      { name: groupName(one.facet, one.group), color: color(0), points: points(c.facet), at: () => bin },
      { name: "everybody else", color: color(1), points: points(c.rest), at: () => (apart ? rest : bin) },
    ].filter((s) => Number.isFinite(s.points[0].x + s.points[0].y));
    const roc = figure("threshold-roc", "ROC: the points of this threshold", (width) => withLegend(plot(width, {
      height: Math.min(360, width * 0.8),
      x: { label: "false positive rate", domain: [0, 1], grid: true }, y: { label: "recall", domain: [0, 1], grid: true },
      marks: [
        Plot.line([[0, 0], [1, 1]], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
        ...sides.map((s) => Plot.line(s.points, { x: "x", y: "y", stroke: s.color, strokeWidth: 1.8 })),
        ...sides.map((s) => Plot.dot([s.points[s.at()]], { x: "x", y: "y", r: 6, fill: s.color, stroke: "var(--surface)",
          title: (p) => `${s.name}\nfalse positives ${percent(p.x)}\nrecall ${percent(p.y)}`, tip: true })),
      ],
    }), sides), "Points above each other: equal opportunity. Points on each other: equal odds. A group without positive or without negative labels has no curve.");
    const update = () => {
      const now = at(c, bin, apart ? rest : bin);
      facts.replaceChildren(
        tiles([
          { label: "Threshold", value: fixed(bin / c.bins, 3), hint: apart ? `everybody else: ${fixed(rest / c.bins, 3)}` : undefined },
          ...series.map(([name, text]) => ({ label: text, value: name === "accuracy" ? percent(now[name]) : fixed(now[name], 3) })),
        ]),
        grid(matrix(groupName(one.facet, one.group), confusion(c.facet.negative, c.facet.positive, bin)),
          matrix("everybody else", confusion(c.rest.negative, c.rest.positive, apart ? rest : bin))));
      fig.redraw();
      roc.redraw();
    };
    const slider = h("input", { type: "range", min: 0, max: c.bins - 1, value: bin, "aria-label": "Threshold", id: "threshold-slider",
      input: () => { bin = Number(slider.value); update(); } });
    const other = h("input", { type: "range", min: 0, max: c.bins - 1, value: rest, "aria-label": "Threshold of everybody else", hidden: true,
      input: () => { rest = Number(other.value); update(); } });
    const both = h("input", { type: "checkbox", change: () => { apart = both.checked; other.toggleAttribute("hidden", !apart); update(); } });
    const jump = (text: string, point: At | undefined) => (point ? h("button", { type: "button", click: () => {
      bin = Math.round(point.threshold * c.bins);
      slider.value = String(bin);
      update();
    } }, `${text}: ${fixed(point.threshold, 3)}`) : null);
    holder.replaceChildren(
      h("p", { class: "controls" }, h("label", {}, "Threshold ", slider), " ", h("label", {}, both, " another one for everybody else "), other),
      h("p", { class: "controls" }, jump("best accuracy", best), " ", jump("equal opportunity", equal), " ", jump("DI at least 0.8", fifths)),
      facts, grid(h("div", {}, legend(series.map(([, name], i) => ({ name, color: color(i) }))), fig.element), sides.length ? roc.element : null));
    update();
  };
  const pick = choice("Group", m.thresholds.map((t, i) => ({ value: String(i), text: groupName(t.facet, t.group) })), draw);
  draw("0");
  return section({
    id: "threshold", title: "What another threshold would change",
    intro: "A score above the threshold is a positive prediction. The counts are exact at 1,000 thresholds.",
    body: [pick, holder],
  });
}

// The cells of an intersection: its last column across, the others down; each with its share and its rows.
function heatMap(id: string, set: ClarifyModel["intersections"][0]): HTMLElement {
  const share = (c: (typeof set.cells)[0]) => c.predicted_rate ?? c.label_rate;
  const down = (c: (typeof set.cells)[0]) => c.values.slice(0, -1).join(" & ");
  const across = [...new Set(set.cells.map((c) => c.values.at(-1)!))], rows = [...new Set(set.cells.map(down))];
  const most = Math.max(1e-9, ...set.cells.map((c) => share(c) ?? 0));
  const cell = (row: string, value: string) => {
    const c = set.cells.find((one) => down(one) === row && one.values.at(-1) === value);
    if (!c) return h("td", { style: "background:var(--soft)", title: `${row} & ${value}: no rows` });
    const [low, high] = wilson(share(c) ?? 0, Math.max(1, c.rows));
    return h("td", {
      class: c.small ? "quiet" : undefined, style: `background:${c.small ? "var(--soft)" : shade(0.06 + 0.6 * ((share(c) ?? 0) / most))}`,
      title: `${c.group}: ${percent(share(c))} of ${plural(c.rows, "row")} (${percent(low)} to ${percent(high)})`,
    }, h("b", {}, percent(share(c))), h("br"), `n = ${count(c.rows)}`);
  };
  const predicted = set.cells.some((c) => typeof c.predicted_rate === "number");
  return h("figure", { "data-chart": id, "data-drawn": true, "aria-label": "Share of positive outcomes in each cell" },
    h("figcaption", {}, predicted ? "Share of positive predictions, and rows" : "Share of positive labels, and rows"),
    h("div", { class: "table" }, h("table", { class: "heat" },
      h("thead", {}, h("tr", {}, h("th", {}, set.columns), ...across.map((value) => h("th", { scope: "col" }, value)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row), ...across.map((value) => cell(row, value))))))));
}

function intersectionsSection(m: ClarifyModel): HTMLElement {
  return section({
    id: "intersections", title: "Intersections of groups", intro: "Each cell against everybody else. Pale cells have fewer than 30 rows: no conclusion.",
    body: m.intersections.map((set, i) => {
      const list = dataTable(`cells-${i}`, set.cells, [
        { title: set.columns, value: (c) => c.group, cell: (c) => (c.small ? h("span", { class: "quiet" }, c.group) : c.group) },
        { title: "Rows", number: true, value: (c) => c.rows, cell: (c) => count(c.rows) },
        { title: "Positive labels", number: true, value: (c) => c.label_rate, cell: (c) => percent(c.label_rate) },
        { title: "Positive predictions", number: true, value: (c) => c.predicted_rate ?? null, cell: (c) => percent(c.predicted_rate) },
        ...(["DPL", "DPPL", "DI"] as const).map((name) => ({
          title: name, number: true, value: (c: (typeof set.cells)[0]) => finite(c[name]?.value ?? null), cell: (c: (typeof set.cells)[0]) =>
            h("span", { title: c[name]?.interval_95 ? `${shown(c[name]!.interval_95![0])} to ${shown(c[name]!.interval_95![1])}` : undefined }, shown(c[name]?.value ?? null)),
        })),
      ], { file: "intersections.csv", sort: { column: 1, descending: true } });
      return card(set.columns, heatMap(`cells-heat-${i}`, set), list.element);
    }),
  });
}

function segmentsSection(m: ClarifyModel): HTMLElement {
  return section({
    id: "segments", title: "Segments", intro: "The metrics of some of the rows alone.",
    body: m.segments.map((s) => card(s.config_name, table(
      s.segments.flatMap((part) => part.facets.flatMap((f) =>
        [...(f.pre_training_bias_metrics ?? []), ...(f.post_training_bias_metrics ?? [])].map((metric) => ({ part, f, metric })))),
      [
        { title: "Segment", cell: (r) => r.part.segment }, { title: "Rows", number: true, cell: (r) => count(r.part.rows) },
        { title: "Group", cell: (r) => groupName(r.f.facet, r.f.value_or_threshold) }, { title: "Metric", cell: (r) => r.metric.name },
        { title: "Value", number: true, cell: (r) => shown(r.metric.value) },
      ], 25))),
  });
}

// --- explanations ---

function ranks(values: (number | string | null)[]): (number | null)[] {
  const numbers = values.map((v) => (typeof v === "number" ? v : null));
  const sorted = numbers.filter((v) => v !== null).sort((a, b) => a! - b!) as number[];
  const first = new Map<number, number>();
  sorted.forEach((v, i) => { if (!first.has(v)) first.set(v, i); });
  return numbers.map((v) => (v === null ? null : first.get(v)! / Math.max(1, sorted.length - 1)));
}

function swarm(s: ClarifyShap, k: number) {
  return (width: number) => {
    const features = s.features.slice(0, 12);
    const left = Math.min(200, 16 + 7 * Math.max(...features.map((f) => Math.min(26, f.name.length))));
    const all = features.flatMap((f) => f.contributions[k]);
    const low = Math.min(0, ...all), high = Math.max(0, ...all);
    const scale = (width - left - 20) / Math.max(1e-12, high - low);
    const dots = features.flatMap((f, y) => {
      const place = ranks(f.values);
      const aside = swarmOffsets(f.contributions[k], low, scale);
      return f.contributions[k].map((v, i) => {
        return { v, y: y + Math.max(-0.42, Math.min(0.42, aside[i] / 30)), fill: tone(place[i]), name: f.name, value: f.values[i], row: s.shown[i] };
      });
    });
    return plot(width, {
      height: 40 + features.length * 30, marginLeft: left, marginTop: 6,
      x: { label: `moves the ${s.unit} by`, grid: true },
      y: { domain: [features.length - 0.5, -0.5], ticks: features.map((_, i) => i), tickFormat: (i: number) => features[i]?.name.slice(0, 26) ?? "", label: null, tickSize: 0 },
      marks: [
        Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.4 }),
        Plot.dot(dots, { x: "v", y: "y", r: 2, fill: "fill", fillOpacity: 0.85 }),
        Plot.tip(dots, Plot.pointer({ x: "v", y: "y", title: (d) => `${d.name} = ${d.value ?? "missing"}\nrow ${count(d.row + 1)}\n${num(d.v)}` })),
      ],
    });
  };
}

function dependence(s: ClarifyShap, k: number): HTMLElement {
  let name = s.features[0].name;
  const fig = figure("shap-dependence", "", (width) => {
    const f = s.features.find((x) => x.name === name)!;
    // The feature whose value goes most along with what is left of this one's contributions.
    const rest = f.contributions[k];
    let partner = f, strength = -1;
    for (const other of s.features) {
      if (other === f) continue;
      const r = ranks(other.values), own = ranks(f.values);
      let sum = 0, n = 0;
      for (let i = 0; i < rest.length; i += 1) {
        if (r[i] === null || own[i] === null) continue;
        sum += (r[i]! - 0.5) * rest[i] * (own[i]! - 0.5);
        n += 1;
      }
      if (n > 0 && Math.abs(sum / n) > strength) { strength = Math.abs(sum / n); partner = other; }
    }
    const place = ranks(partner.values);
    const data = f.values.map((v, i) => ({ x: v ?? "missing", y: rest[i], fill: tone(place[i]), other: partner.values[i] }));
    const texts = data.some((d) => typeof d.x === "string");
    return plot(width, {
      height: 270, x: { label: name, type: texts ? "point" : "linear" }, y: { label: `moves the ${s.unit} by`, grid: true },
      color: { type: "identity" },
      marks: [Plot.ruleY([0], { stroke: "var(--line)" }),
        Plot.dot(data, { x: (d) => (texts ? String(d.x) : d.x), y: "y", r: 2.2, fill: "fill", fillOpacity: 0.8, tip: true, title: (d) => `${name} = ${d.x}\n${partner.name} = ${d.other ?? "missing"}\n${num(d.y)}` })],
      caption: partner === f ? undefined : `Colored by ${partner.name}, from low (blue) to high (red)`,
    });
  });
  return card("One feature", choice("Feature", s.features.map((f) => ({ value: f.name, text: f.name })), (v) => { name = v; fig.redraw(); }), fig.element);
}

function waterfall(s: ClarifyShap, k: number): HTMLElement {
  let row = 0;
  const fig = figure("shap-row", "", (width) => {
    const text = (v: number | string | null) => (typeof v === "number" ? num(v) : v ?? "missing");
    const parts = s.features.map((f) => ({ name: `${f.name} = ${text(f.values[row])}`, v: f.contributions[k][row] }))
      .filter((p) => p.v !== 0).sort((a, b) => Math.abs(b.v) - Math.abs(a.v)).slice(0, 12);
    let from = s.expected[k];
    const steps = parts.map((p) => { const step = { ...p, from, to: from + p.v }; from = step.to; return step; });
    return plot(width, {
      height: 60 + steps.length * 24, marginLeft: 210, x: { label: s.unit, grid: true, nice: true },
      y: { type: "band", domain: steps.map((p) => p.name), label: null, tickFormat: (d: string) => (d.length > 30 ? `${d.slice(0, 29)}…` : d), tickSize: 0 },
      marks: [
        Plot.ruleX([s.expected[k]], { stroke: "var(--muted)", strokeDasharray: "3 3" }),
        Plot.barX(steps, { x1: "from", x2: "to", y: "name", fill: (p) => (p.v < 0 ? "var(--low)" : "var(--high)"), tip: true, title: (p) => `${p.name}\n${num(p.v)}` }),
        Plot.ruleX([from], { stroke: "var(--text)" }),
      ],
    });
  }, `Dashed: the baseline's answer (${num(s.expected[k])}). Full line: what is shown of this row's.`);
  const input = h("input", { type: "number", min: 1, max: s.shown.length, value: 1, "aria-label": "Row shown", input: () => {
    row = Math.max(0, Math.min(s.shown.length - 1, Number(input.value) - 1));
    place.textContent = `row ${count(s.shown[row] + 1)} of the data`;
    fig.redraw();
  } });
  const place = h("span", {}, `row ${count(s.shown[0] + 1)} of the data`);
  return card("One row", h("p", { class: "controls" }, h("label", {}, "Row shown ", input), " ", place), fig.element);
}

const methods: Record<string, string> = {
  exact_coalitions: "exact: every combination of the features that differ from the baseline",
  interventional_tree: "exact: interventional Tree SHAP, the same game by a walk down the trees",
  sampled: "estimates: combinations were drawn",
};

function shapSection(s: ClarifyShap): HTMLElement {
  const holder = h("div");
  const draw = (key: string) => {
    const k = Number(key);
    holder.replaceChildren(
      bars("shap-global", `What moves ${s.outputs[k]} (${s.aggregation})`, s.features.map((f) => ({
        name: f.name, value: f.global[k],
        ...(s.aggregation === "mean of sizes" ? { low: Math.max(0, f.global[k] - f.error[k]), high: f.global[k] + f.error[k] } : {}),
      }))),
      card("Each row a point", chart("shap-swarm", "", swarm(s, k), `${count(s.shown.length)} of ${count(s.explained)} rows. From low (blue) to high (red) values of the feature; grey: no number.`)),
      grid(dependence(s, k), waterfall(s, k)),
      ...s.texts.filter((t) => t.output === k && t.units.length).map((t, i) => bars(`shap-text-${i}`, `What in ${t.feature} moves ${s.outputs[k]}`,
        t.units.map(([text, value, rows]) => ({ name: text.slice(0, 40), value, note: plural(rows, "row") })))));
  };
  const pick = s.outputs.length > 1 ? choice("Score", s.outputs.map((o, i) => ({ value: String(i), text: o })), draw) : null;
  draw("0");
  const facets = s.byFacet.map((f, i) => bars(`shap-facet-${i}`, `Why ${groupName(f.facet, f.group)} gets other answers: mean difference to everybody else`,
    f.features.map(([name, value]) => ({ name, value, color: value < 0 ? "var(--low)" : "var(--high)" })),
    { note: "Left: the feature lowers the group's answers more than everybody else's." }));
  return section({
    id: "shap", title: "What the model looks at",
    intro: `Kernel SHAP against ${plural(s.baseline.length, "baseline row")}, in the unit of the ${s.unit}. Values are ${methods[s.method] ?? s.method}; ${num(s.coalitions[1])} combinations in the middle, at most ${num(s.coalitions[2])}. Seed ${s.seed}.`,
    body: [pick, holder, ...facets],
  });
}

function pdpFigure(p: Dependence, i: number): HTMLElement {
  return chart(`pdp-${i}`, p.name, (width) => {
    const x = (g: number) => p.values[g];
    const means = p.means.flatMap((list, k) => list.map((y, g) => ({ x: x(g), y, k })));
    const curves = p.curves.flatMap((list, c) => list.map((y, g) => ({ x: x(g), y, c })));
    const top = Math.max(...p.shares);
    const low = Math.min(...means.map((d) => d.y), ...curves.map((d) => d.y)), high = Math.max(...means.map((d) => d.y), ...curves.map((d) => d.y));
    const shares = p.shares.map((s, g) => ({ x: x(g), y: low + (s / top) * (high - low) * 0.25, s }));
    return plot(width, {
      height: 230, x: { label: null, type: p.categorical ? "point" : "linear" }, y: { label: "mean answer", grid: true, domain: [low, high || 1], nice: true },
      marks: [
        Plot.ruleX(shares, { x: "x", y1: low, y2: "y", stroke: "var(--missing)", strokeOpacity: 0.4, strokeWidth: Math.max(2, (width - 80) / p.values.length - 3) }),
        Plot.lineY(curves, { x: "x", y: "y", z: "c", stroke: "var(--muted)", strokeOpacity: 0.18, strokeWidth: 1 }),
        Plot.lineY(means, { x: "x", y: "y", z: "k", stroke: (d) => color(d.k), strokeWidth: 2.4 }),
        Plot.dot(means, { x: "x", y: "y", fill: (d) => color(d.k), r: 2.6, tip: true, title: (d) => `${p.name} = ${typeof d.x === "number" ? num(d.x) : d.x}\n${num(d.y)}` }),
      ],
    });
  });
}

function settingsSection(m: ClarifyModel): HTMLElement {
  return section({
    id: "settings", title: "Data and settings",
    body: [
      m.warnings.length ? card("Assumptions and warnings", h("ul", {}, ...m.warnings.map((w) => h("li", {}, w)))) : null,
      card("Configuration", h("details", {}, h("summary", {}, "analysis_config.json"), h("pre", { class: "mono" }, m.config))),
    ],
  });
}

export function clarifyReport(m: ClarifyModel): HTMLElement {
  const sections = [
    m.metrics.length ? metricsSection(m) : null,
    m.groups.length ? groupsSection(m) : null,
    m.thresholds.length ? thresholdSection(m) : null,
    m.intersections.length ? intersectionsSection(m) : null,
    m.segments.length ? segmentsSection(m) : null,
    m.shap && m.shap.features.length ? shapSection(m.shap) : null,
    m.pdp.length ? section({
      id: "pdp", title: "Partial dependence", intro: "The mean answer when one feature has the same value in every row. Thin lines: single rows; grey: how many rows have such values.",
      body: [grid(...m.pdp.map(pdpFigure))],
    }) : null,
    settingsSection(m),
  ].filter((s) => s !== null);
  return frame({
    kind: m.title, job: m.job, facts: [["Data", m.dataset]], verdict: m.verdict, overview: overview(m), sections,
    files: "The numbers: analysis.json as Clarify writes it, clary_analysis.json with intervals and counts.",
  });
}
