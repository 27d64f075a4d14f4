// What the model looks at: importance, SHAP, the worst rows, the trees.
import { hierarchy, tree as layout } from "d3";
import { swarmOffsets, tone } from "./charts";
import type { Shap, TrainingModel, Tree, TreeNode, WorstRow } from "./model";
import { classLabel, className, valueText } from "./names";
import { Plot, card, chart, choice, color, count, figure, grid, h, num, percent, plot, section, table, withLegend } from "./ui";

const importanceText: Record<string, [name: string, meaning: string]> = {
  gain: ["Gain", "how much a split on the feature improves the loss, on average"],
  total_gain: ["Total gain", "how much all splits on the feature improve the loss together"],
  weight: ["Weight", "how many splits use the feature"],
  cover: ["Cover", "how many rows a split on the feature sees, on average"],
  total_cover: ["Total cover", "how many rows all splits on the feature see together"],
};

function bars(id: string, rows: { name: string; parts: number[] }[], label: string, tick?: string) {
  return (width: number) => {
    const data = rows.flatMap((r) => r.parts.map((v, k) => ({ name: r.name, v, k })));
    const left = Math.min(220, 16 + 7 * Math.max(...rows.map((r) => Math.min(28, r.name.length))));
    return plot(width, {
      height: 40 + rows.length * 22,
      marginLeft: left,
      marginRight: 52,
      x: { label, tickFormat: tick, grid: true, zero: true },
      y: { label: null, domain: rows.map((r) => r.name), tickFormat: (n: string) => (n.length > 28 ? `${n.slice(0, 27)}…` : n), tickSize: 0 },
      ariaLabel: id,
      marks: [
        Plot.barX(data, { x: "v", y: "name", fill: (d) => color(d.k), insetTop: 2, insetBottom: 2,
          title: (d) => `${d.name}\n${tick ? percent(d.v) : num(d.v)}`, tip: true }),
        ...(rows.every((r) => r.parts.length === 1)
          ? [Plot.text(data, { x: "v", y: "name", text: (d) => (tick ? percent(d.v) : num(d.v, 3)), textAnchor: "start", dx: 5, fill: "var(--muted)", stroke: "var(--surface)", strokeWidth: 4 })]
          : []),
      ],
    });
  };
}

function importanceFigure(importance: Record<string, [string, number][]>): HTMLElement {
  const types = Object.keys(importanceText).filter((t) => importance[t]?.length);
  let type = types[0];
  const meaning = h("p", { class: "note" });
  const fig = figure("importance", "", (width) =>
    bars("importance", importance[type].slice(0, 20).map(([name, v]) => ({ name, parts: [v] })), "share of all features", "%")(width));
  const pick = (t: string) => {
    type = t;
    meaning.textContent = `${importanceText[t][0]}: ${importanceText[t][1]}. ${importance[t].length > 20 ? "The first 20 features." : ""}`;
    fig.redraw();
  };
  const switcher = choice("Importance by", types.map((t) => ({ value: t, text: importanceText[t][0] })), pick);
  pick(type);
  return card("Feature importance", switcher, fig.element, meaning);
}

// From the lowest (0) to the highest value (1) of a feature: its place among the others' values.
function ranks(values: (number | null)[]): (number | null)[] {
  const sorted = values.filter((v) => v !== null).sort((a, b) => a! - b!) as number[];
  const first = new Map<number, number>(), last = new Map<number, number>();
  sorted.forEach((v, i) => { if (!first.has(v)) first.set(v, i); last.set(v, i); });
  const top = Math.max(1, sorted.length - 1);
  return values.map((v) => (v === null ? null : (first.get(v)! + last.get(v)!) / 2 / top));
}

function beeswarm(shap: Shap, k: number) {
  return (width: number) => {
    const features = shap.features.slice(0, 15);
    const left = Math.min(220, 16 + 7 * Math.max(...features.map((f) => Math.min(28, f.name.length))));
    const row = 30;
    const all = features.flatMap((f) => f.contributions[k]);
    const low = Math.min(...all, 0), high = Math.max(...all, 0);
    const scale = (width - left - 20) / Math.max(1e-12, high - low);
    const dots = features.flatMap((f, y) => {
      const place = ranks(f.inputs);
      const aside = swarmOffsets(f.contributions[k], low, scale);
      return f.contributions[k].map((v, i) => {
        return { v, y, dy: Math.max(-13, Math.min(13, aside[i])), i, input: f.inputs[i], fill: tone(place[i]), name: f.name };
      });
    });
    const height = 34 + features.length * row;
    return plot(width, {
      height,
      marginLeft: left,
      marginTop: 6,
      x: { label: "contribution to the margin", domain: [low, high], grid: true },
      y: { domain: [features.length - 0.5, -0.5], ticks: features.map((_, i) => i), tickFormat: (i: number) => {
        const n = features[i]?.name ?? "";
        return n.length > 28 ? `${n.slice(0, 27)}…` : n;
      }, label: null, tickSize: 0 },
      marks: [
        Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.4 }),
        Plot.dot(dots, { x: "v", y: (d) => d.y + d.dy / row, r: 2, fill: "fill", fillOpacity: 0.85 }),
        Plot.tip(dots, Plot.pointer({ x: "v", y: (d) => d.y + d.dy / row, title: (d) => `${d.name} = ${valueText(d.name, d.input)}\ncontribution ${num(d.v)}` })),
      ],
    });
  };
}

const shortText = (s: string) => (s.length > 14 ? `${s.slice(0, 13)}…` : s);

function dependence(shap: Shap): HTMLElement {
  let feature = shap.features[0], by: Shap["features"][number] | null = shap.features[1] ?? null, k = 0;
  const fig = figure("shap-dependence", "", (width) => {
    const place = by ? ranks(by.inputs) : null;
    const distinct = new Set(feature.inputs.filter((v) => v !== null));
    const few = distinct.size <= 15 && [...distinct].every((v) => Number.isInteger(v));
    // Codes lie on top of each other: spread a little, the same way each time.
    const spread = (i: number) => (few ? (((i * 7919) % 101) / 100 - 0.5) * 0.3 : 0);
    const points = feature.inputs.map((x, i) => ({ x, place: (x ?? 0) + spread(i), y: feature.contributions[k][i], fill: place ? tone(place[i]) : color(0), other: by?.inputs[i] ?? null }))
      .filter((p) => p.x !== null);
    return plot(width, {
      height: 320,
      x: { label: feature.name, grid: true, ...(few ? { ticks: [...distinct] as number[], tickFormat: (v: number) => shortText(valueText(feature.name, v)) } : {}) },
      y: { label: "contribution to the margin", grid: true },
      marks: [
        Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.4 }),
        Plot.dot(points, { x: "place", y: "y", r: 2.6, fill: "fill", fillOpacity: 0.8 }),
        Plot.tip(points, Plot.pointer({ x: "place", y: "y", title: (d) => `${feature.name} = ${valueText(feature.name, d.x)}\ncontribution ${num(d.y)}${by ? `\n${by.name} = ${valueText(by.name, d.other)}` : ""}` })),
      ],
    });
  });
  const names = shap.features.map((f, i) => ({ value: String(i), text: f.name }));
  const select = (label: string, options: { value: string; text: string }[], value: string, change: (v: string) => void) => {
    const s = h("select", { "aria-label": label, change: () => { change(s.value); fig.redraw(); } },
      ...options.map((o) => h("option", { value: o.value, selected: o.value === value }, o.text)));
    return h("label", { class: "choice" }, h("span", {}, label), s);
  };
  const classes = Array.from({ length: shap.pointClasses }, (_, i) => ({ value: String(i), text: className(i) }));
  return card("Dependence", h("div", { class: "controls" },
    select("Feature", names, "0", (v) => { feature = shap.features[Number(v)]; }),
    select("colored by", [{ value: "", text: "nothing" }, ...names], by ? "1" : "", (v) => { by = v === "" ? null : shap.features[Number(v)]; }),
    classes.length > 1 ? select("for", classes, "0", (v) => { k = Number(v); }) : null),
    fig.element,
    h("p", { class: "note" }, "How the prediction changes with the feature. Points of different color at the same place: the features interact. Blue is low, pink is high."));
}

const rowsText = (model: TrainingModel) => (model.job.validated ? "validation rows" : "training rows");

// Which rows the means are over.
function sampleText(model: TrainingModel): string {
  const { rows, ofRows } = model.shap!;
  return rows < ofRows ? `a sample of ${count(rows)} of ${count(ofRows)} ${rowsText(model)}, evenly chosen` : `all ${count(rows)} ${rowsText(model)}`;
}

// What a margin is: the sum of the leaves, before the objective makes a prediction of it.
function marginText(model: TrainingModel): string {
  const o = model.job.objective;
  if (o === "binary:hinge") return "The margin is the distance that is cut off at 0.";
  if (o.startsWith("binary:") || o === "reg:logistic") return `The margin is log odds: +0.7 doubles the odds of ${className(1)}.`;
  if (o.startsWith("multi:")) return "The margin of a class is the logarithm of its weight among the classes: +0.7 doubles it.";
  if (o.startsWith("count:") || o === "reg:gamma" || o === "reg:tweedie") return "The margin is the logarithm of the prediction: +0.7 doubles it.";
  if (o === "survival:cox") return "The margin is the logarithm of the hazard ratio: +0.7 doubles the risk.";
  if (o === "survival:aft") return "The margin is the logarithm of the time: +0.7 doubles it.";
  if (o.startsWith("rank:")) return "The margin is the score that rows of a query are ordered by.";
  return "The margin of this objective is the prediction itself.";
}

export function importanceSection(model: TrainingModel): HTMLElement {
  const shap = model.shap;
  const parts: (HTMLElement | null)[] = [];
  if (model.importance) parts.push(importanceFigure(model.importance));
  if (shap && shap.features.length) {
    const rows = shap.features.map((f) => ({ name: f.name, parts: f.mean.slice(0, 8) }));
    const mean = chart("shap-mean", "", (width) => shap.classes > 1
      ? withLegend(bars("shap-mean", rows, "mean |contribution|")(width),
        Array.from({ length: Math.min(8, shap.classes) }, (_, i) => ({ name: className(i), color: color(i) })))
      : bars("shap-mean", rows, "mean |contribution|")(width));
    parts.push(card("Mean contribution (SHAP)", mean,
      h("p", { class: "note" }, `How much each feature moves the margin, on average over ${sampleText(model)}. Unlike gain it is comparable between models of one objective. ${marginText(model)}`)));
    let k = 0;
    const swarm = figure("shap-beeswarm", "", (width) => beeswarm(shap, k)(width));
    const summary = card("Contributions row by row (SHAP)",
      shap.pointClasses > 1 ? choice("For", Array.from({ length: shap.pointClasses }, (_, i) => ({ value: String(i), text: className(i) })),
        (v) => { k = Number(v); swarm.redraw(); }) : null,
      swarm.element,
      h("p", { class: "note" }, `Each point is one of ${count(shap.points)} ${rowsText(model)}${shap.points < shap.ofRows ? `, evenly chosen from ${count(shap.ofRows)}` : ""}. Right of the line the feature raises the prediction, left it lowers it. Color is the feature's value: blue low, pink high, grey missing.`));
    return section({
      id: "importance", title: "What the model looks at",
      intro: "Importance says what the trees use; SHAP contributions say what it does to predictions, exactly, row by row.",
      body: [grid(...parts), summary, dependence(shap)],
    });
  }
  return section({
    id: "importance", title: "What the model looks at",
    intro: "Importance says what the trees use." + (model.job.running ? " Contributions to single predictions (SHAP) come when training has ended." : ""),
    body: parts,
  });
}

function waterfall(why: NonNullable<WorstRow["why"]>) {
  return (width: number) => {
    let at = why.base;
    const parts: [string, number | null | undefined, number][] = [...why.parts].reverse();
    if (why.rest !== 0) parts.unshift(["all other features", undefined, why.rest]);
    const steps = parts.map(([name, input, v], i) => {
      const step = { key: String(i), name: input === undefined ? name : `${name} = ${valueText(name, input, 3)}`, from: at, to: at + v, v };
      at += v;
      return step;
    });
    const shown = [...steps].reverse();
    const text = (s: string) => (s.length > 32 ? `${s.slice(0, 31)}…` : s);
    const label = new Map(shown.map((s) => [s.key, text(s.name)]));
    return plot(width, {
      height: 54 + shown.length * 24,
      marginLeft: Math.min(240, 20 + 6.8 * Math.max(...shown.map((s) => text(s.name).length))),
      marginRight: 30,
      x: { label: "margin", grid: true },
      y: { domain: shown.map((s) => s.key), tickFormat: (key: string) => label.get(key) ?? "", label: null, tickSize: 0 },
      marks: [
        Plot.ruleX([why.base], { stroke: "var(--muted)", strokeDasharray: "3 3" }),
        Plot.ruleX([at], { stroke: "currentColor" }),
        Plot.barX(shown, { x1: "from", x2: "to", y: "key", fill: (d) => (d.v >= 0 ? "var(--high)" : "var(--low)"), insetTop: 3, insetBottom: 3, tip: true,
          title: (d) => `${d.name}\n${d.v >= 0 ? "+" : ""}${num(d.v)}` }),
      ],
    });
  };
}

export function worstSection(model: TrainingModel): HTMLElement {
  const w = model.worst!;
  const classes = model.classification !== undefined;
  const labelText = (v: number) => (classes ? classLabel(v) : num(v, 6));
  const predictionText = (v: number) => (classes && model.task !== "binary" ? classLabel(v) : num(v, 5));
  const losing = classes ? "log loss" : "|error|";
  const columns = [
    { title: "row", number: true, cell: (r: WorstRow) => count(r.row), hint: "in the validation data, from 0" },
    { title: "true", number: true, cell: (r: WorstRow) => labelText(r.label) },
    { title: model.task === "binary" ? "score" : "predicted", number: true, cell: (r: WorstRow) => predictionText(r.prediction) },
    { title: losing, number: true, cell: (r: WorstRow) => num(r.loss) },
  ];
  let explain: HTMLElement | null = null;
  if (w.explained.length) {
    let at = w.explained[0];
    const fig = figure("waterfall", "", (width) => waterfall(at.why!)(width));
    const describe = (r: WorstRow) => `row ${r.row}: true ${labelText(r.label)}, ${model.task === "binary" ? "score" : "predicted"} ${predictionText(r.prediction)}`;
    const select = h("select", { "aria-label": "Row", change: () => { at = w.explained[Number(select.value)]; fig.redraw(); } },
      ...w.explained.map((r, i) => h("option", { value: i }, describe(r))));
    explain = card("Why", h("label", { class: "choice" }, h("span", {}, "Why is it so?"), select), fig.element,
      h("p", { class: "note" }, "From what the model says of any row (dashed) to what it says of this one (solid): pink raises, blue lowers. Of the rows whose contributions were saved, these are the worst."));
  }
  return section({
    id: "worst", title: "Worst predictions",
    intro: "Look at these rows in the data: wrong labels, swapped columns and missing features show here first.",
    body: [grid(card("Worst of all", table(w.rows, columns, 12)), explain)],
  });
}

function treeFigure(tree: Tree, depth: number): Element {
  interface Item { node: TreeNode; label: string; children?: Item[]; hidden?: boolean }
  const name = (n: TreeNode) => (typeof n.f === "number" ? `f${n.f}` : String(n.f));
  const build = (i: number, label: string, level: number, seen: Set<number>): Item => {
    const node = tree.nodes[i] ?? { v: NaN };
    const item: Item = { node, label };
    if (node.v !== undefined || node.y === undefined || node.n === undefined || seen.has(i)) return item;
    if (level >= depth) return { ...item, hidden: true };
    const below = new Set(seen).add(i);
    const missing = (child: number) => (node.m === child ? " or missing" : "");
    const test = node.in ? ["otherwise", `in {${node.in.slice(0, 6).map((v) => valueText(name(node), v)).join(", ")}${node.in.length > 6 ? ", …" : ""}}`] : [`< ${num(node.t)}`, `≥ ${num(node.t)}`];
    item.children = [
      build(node.y, test[0] + missing(node.y), level + 1, below),
      build(node.n, test[1] + missing(node.n), level + 1, below),
    ];
    return item;
  };
  const root = layout<Item>().nodeSize([30, 190]).separation(() => 1)(hierarchy(build(0, "", 0, new Set())));
  const nodes = root.descendants();
  const top = Math.min(...nodes.map((n) => n.x)) - 24;
  const height = Math.max(...nodes.map((n) => n.x)) - top + 24;
  const width = (root.height + 1) * 190 + 40;
  const ns = "http://www.w3.org/2000/svg";
  const make = (tag: string, attributes: Record<string, string | number>, text?: string) => {
    const e = document.createElementNS(ns, tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, String(v));
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const svg = make("svg", { width, height, viewBox: `0 ${top} ${width} ${height}`, role: "img", "aria-label": `Tree of round ${tree.round}` });
  const rows = root.data.node.c ?? 1;
  for (const link of root.links()) {
    const x0 = link.source.y + 14, x1 = link.target.y + 8, mid = (x0 + x1) / 2;
    svg.append(make("path", { class: "edge", d: `M${x0},${link.source.x}C${mid},${link.source.x} ${mid},${link.target.x} ${x1},${link.target.x}`,
      "stroke-width": 1 + 6 * Math.max(0, Math.min(1, (link.target.data.node.c ?? 0) / rows)) }));
  }
  const leaves = tree.nodes.filter((n) => n.v !== undefined).map((n) => Math.abs(n.v!));
  const strongest = Math.max(...leaves, 1e-12);
  for (const n of nodes) {
    const { node, label, hidden } = n.data;
    const leaf = node.v !== undefined;
    const g = make("g", { transform: `translate(${n.y + 8},${n.x})` });
    const strength = leaf ? Math.round(25 + 75 * Math.abs(node.v!) / strongest) : 0;
    g.append(make("circle", { r: leaf ? 6 : 5, fill: leaf
      ? `color-mix(in oklab, ${node.v! >= 0 ? "var(--high)" : "var(--low)"} ${strength}%, var(--surface))` : "var(--muted)" }));
    g.append(make("text", { x: 11, y: leaf || hidden ? 4 : 4 }, leaf ? num(node.v!) : `${name(node).slice(0, 22)}${hidden ? " …" : ""}`));
    if (label) g.append(make("text", { class: "label", x: 11, y: -8 }, label.slice(0, 32)));
    g.append(make("title", {}, leaf ? `leaf ${num(node.v!)}\ncover ${num(node.c)}` : `${name(node)}\ngain ${num(node.g)}\ncover ${num(node.c)}`));
    svg.append(g);
  }
  return svg;
}

export function treesSection(model: TrainingModel): HTMLElement {
  const { total, list } = model.trees!;
  const parsed = list.map((text) => {
    try {
      const tree = JSON.parse(text) as Tree;
      return Array.isArray(tree.nodes) && tree.nodes.length ? tree : null;
    } catch {
      return null;
    }
  }).filter((t) => t !== null);
  const holder = h("div", { class: "tree", tabindex: 0, role: "region", "aria-label": "Tree" });
  let at = 0, depth = 3;
  const draw = () => holder.replaceChildren(treeFigure(parsed[at], depth));
  const several = new Set(parsed.map((t) => t.class)).size > 1;
  const pick = h("select", { "aria-label": "Tree", id: "tree-pick", change: () => { at = Number(pick.value); draw(); } },
    ...parsed.map((t, i) => h("option", { value: i }, `round ${t.round}${several ? `, ${className(t.class)}` : ""}`)));
  const levels = h("select", { "aria-label": "Levels", id: "tree-depth", change: () => { depth = Number(levels.value); draw(); } },
    ...[2, 3, 4, 5, 6, 8, 12].map((d) => h("option", { value: d, selected: d === 3 }, d)));
  if (parsed.length) draw();
  return section({
    id: "trees", title: "Trees",
    intro: "A row starts at the left and follows the tests; the leaf it ends in is added to its margin. Lines are as wide as their share of the rows; pink leaves raise the prediction, blue ones lower it.",
    body: [h("figure", { "data-chart": "trees", "data-drawn": parsed.length > 0, "aria-label": "One tree of the model" },
      h("div", { class: "controls" },
        h("label", { class: "choice" }, h("span", {}, "Tree of"), pick),
        h("label", { class: "choice" }, h("span", {}, "levels"), levels)),
      holder,
      parsed.length < total ? h("p", { class: "note" }, `${count(parsed.length)} of ${count(total)} trees are in this page; the model file has them all.`) : null)],
  });
}

