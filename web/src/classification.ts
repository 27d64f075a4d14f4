// Figures of classifiers: threshold and costs, confusion matrix, curves, calibration, gains.
import { classLabel, className } from "./names";
import type { Classification, Curve, HistogramData, PrecisionRecallF1, Thresholds, TrainingModel } from "./model";
import {
  Plot, card, chart, color, count, figure, fixed, grid, h, num, percent, plot, rounds, section, shade, table, withLegend,
} from "./ui";

interface Counts {
  tp: number;
  fp: number;
  fn: number;
  tn: number;
}

function countsAt(t: Thresholds, i: number): Counts {
  return { tp: t.tp[i], fp: t.fp[i], fn: t.positives - t.tp[i], tn: t.negatives - t.fp[i] };
}

const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b);
const ratioOrNone = (a: number, b: number) => (b === 0 ? null : a / b);

function scoresOf({ tp, fp, fn, tn }: Counts) {
  return {
    precision: ratioOrNone(tp, tp + fp),
    recall: ratioOrNone(tp, tp + fn),
    f1: ratio(2 * tp, 2 * tp + fp + fn),
    accuracy: ratio(tp + tn, tp + fp + fn + tn),
    specificity: ratioOrNone(tn, tn + fp),
  };
}

// The index with the largest value; of equal ones the nearest to the middle.
function bestIndex(value: (i: number) => number): number {
  let best = 500;
  for (let i = 0; i <= 1000; ++i) {
    const d = value(i) - value(best);
    if (d > 1e-12 || (Math.abs(d) <= 1e-12 && Math.abs(i - 500) < Math.abs(best - 500))) best = i;
  }
  return best;
}

export function thresholdSection(t: Thresholds, scores: [HistogramData, HistogramData] | undefined, rowsOf: string): HTMLElement {
  let at = 500;
  const range = h("input", { type: "range", id: "threshold", min: 0, max: 1000, value: 500, "aria-label": "Threshold",
    input: () => set(Number(range.value)) });
  const shown = h("output", { for: "threshold", id: "threshold-value" });
  const costFp = h("input", { type: "number", id: "cost-fp", min: 0, step: "any", value: 1, input: () => set(at) });
  const costFn = h("input", { type: "number", id: "cost-fn", min: 0, step: "any", value: 1, input: () => set(at) });
  const cost = (c: Counts) => c.fp * (Number(costFp.value) || 0) + c.fn * (Number(costFn.value) || 0);
  const button = (text: string, id: string, pick: () => number) =>
    h("button", { type: "button", id, click: () => set(pick()) }, text);

  const cell = (id: string) => h("div", { class: "cell", id: `cell-${id}` });
  const cells = { tn: cell("tn"), fp: cell("fp"), fn: cell("fn"), tp: cell("tp") };
  const names = { tn: `correctly ${classLabel(0)}`, fp: "false alarms", fn: "missed", tp: `correctly ${classLabel(1)}` };
  const matrix = h("div", { class: "matrix", role: "group", "aria-label": "Confusion matrix at this threshold" },
    h("span"), h("span", { class: "head" }, `predicted ${classLabel(0)}`), h("span", { class: "head" }, `predicted ${classLabel(1)}`),
    h("span", { class: "side" }, `true ${classLabel(0)}`), cells.tn, cells.fp,
    h("span", { class: "side" }, `true ${classLabel(1)}`), cells.fn, cells.tp);
  const live = h("dl", { class: "live", id: "threshold-scores", "aria-live": "polite" });

  const steps = Array.from({ length: 201 }, (_, i) => i * 5);
  const curves = steps.map((i) => ({ x: i / 1000, ...scoresOf(countsAt(t, i)) }));
  const kinds = [
    { name: "precision", color: color(0) }, { name: "recall", color: color(1) },
    { name: "F1", color: color(2) },
  ];
  const byThreshold = figure("threshold-curves", "Precision, recall and F1 by threshold", (width) =>
    withLegend(plot(width, {
      x: { label: "threshold", domain: [0, 1] },
      y: { label: null, domain: [0, 1], grid: true },
      marks: [
        Plot.lineY(curves.filter((c) => c.precision !== null), { x: "x", y: "precision", stroke: kinds[0].color, strokeWidth: 2 }),
        Plot.lineY(curves.filter((c) => c.recall !== null), { x: "x", y: "recall", stroke: kinds[1].color, strokeWidth: 2 }),
        Plot.lineY(curves, { x: "x", y: "f1", stroke: kinds[2].color, strokeWidth: 2 }),
        Plot.ruleX([at / 1000], { stroke: "currentColor", strokeDasharray: "4 3" }),
      ],
    }), kinds));
  const byClass = scores && figure("score-distribution", "Where the scores of each class lie", (width) => {
    const rows = scores.flatMap((s, c) => {
      const total = s.counts.reduce((a, b) => a + b, 0);
      return s.counts.map((n, i) => ({ x1: s.edges[i], x2: s.edges[i + 1], share: ratio(n, total), c }));
    });
    return withLegend(plot(width, {
      x: { label: "score", domain: [0, 1] },
      y: { label: "share of the class", tickFormat: "%", grid: true },
      marks: [
        Plot.rectY(rows.filter((r) => r.c === 0), { x1: "x1", x2: "x2", y2: "share", y1: 0, fill: shade(0.55, color(0)) }),
        Plot.line(rows.filter((r) => r.c === 1).flatMap((r) => [[r.x1, r.share], [r.x2, r.share]]), { stroke: color(1), strokeWidth: 2 }),
        Plot.ruleX([at / 1000], { stroke: "currentColor", strokeDasharray: "4 3" }),
        Plot.ruleY([0], { stroke: "var(--line)" }),
      ],
    }), [{ name: `true ${classLabel(0)}`, color: color(0) }, { name: `true ${classLabel(1)}`, color: color(1) }]);
  });

  function set(i: number): void {
    at = i;
    range.value = String(i);
    shown.textContent = (i / 1000).toFixed(3);
    const c = countsAt(t, i);
    const rows = t.positives + t.negatives;
    for (const key of ["tn", "fp", "fn", "tp"] as const) {
      const right = key === "tn" || key === "tp";
      const share = ratio(c[key], key === "tn" || key === "fp" ? t.negatives : t.positives);
      cells[key].replaceChildren(h("b", {}, count(c[key])), h("span", {}, `${names[key]} · ${percent(c[key] / rows)}`));
      cells[key].style.background = shade(share * 0.42, right ? "var(--good)" : "var(--problem)");
    }
    const s = scoresOf(c);
    live.replaceChildren(...([
      ["Precision", fixed(s.precision, 3, "none predicted")], ["Recall", fixed(s.recall, 3, "no rows")], ["F1", fixed(s.f1, 3)],
      ["Accuracy", fixed(s.accuracy, 3)], ["Specificity", fixed(s.specificity, 3, "no rows")], ["Cost", num(cost(c))],
    ] as const).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
    byThreshold.redraw();
    byClass?.redraw();
  }
  set(500);

  return section({
    id: "threshold-section",
    title: "Threshold and costs",
    intro: `Move the threshold to see what each choice means on the ${rowsOf}: a row is taken as ${className(1)} when its score is at least the threshold. Say what a mistake costs, and let the report find the cheapest threshold.`,
    body: [
      card("",
        h("div", { class: "threshold" },
          h("div", {},
            h("div", { class: "slider" }, shown, range),
            h("div", { class: "buttons" },
              button("0.5", "pick-half", () => 500),
              button("Best F1", "pick-f1", () => bestIndex((i) => scoresOf(countsAt(t, i)).f1)),
              button("Most accurate", "pick-accuracy", () => bestIndex((i) => scoresOf(countsAt(t, i)).accuracy)),
              button("Least cost", "pick-cost", () => bestIndex((i) => -cost(countsAt(t, i))))),
            h("div", { class: "costs" },
              h("label", {}, "A false alarm costs ", costFp), h("label", {}, "a miss costs ", costFn)),
            matrix, live),
          h("div", {}, byThreshold.element, byClass ? h("div", { style: "margin-top:14px" }, byClass.element) : null))),
    ],
  });
}

function heat(c: Classification, byRow: boolean): HTMLElement {
  const n = c.classes;
  const sums = Array.from({ length: n }, (_, r) => c.counts.slice(r * n, r * n + n).reduce((a, b) => a + b, 0));
  const most = Math.max(...c.counts, 1);
  const ids = Array.from({ length: n }, (_, i) => i);
  return h("div", { class: "table" }, h("table", { class: n <= 3 ? "heat few" : "heat" },
    h("thead", {}, h("tr", {}, h("th", {}, "true \\ predicted"), ...ids.map((i) => h("th", { scope: "col" }, classLabel(i))))),
    h("tbody", {}, ...ids.map((r) =>
      h("tr", {}, h("th", { scope: "row" }, classLabel(r)), ...ids.map((p) => {
        const v = c.counts[r * n + p];
        const share = byRow ? ratio(v, sums[r]) : v / most;
        return h("td", {
          style: `background:${v ? shade(0.08 + share * 0.6, r === p ? "var(--good)" : "var(--problem)") : "var(--soft)"}`,
          title: `true ${classLabel(r)}, predicted ${classLabel(p)}: ${count(v)} rows, ${percent(ratio(v, sums[r]))} of ${className(r)}`,
        }, byRow ? percent(share, 0) : count(v));
      }))))));
}

export function confusionSection(model: TrainingModel): HTMLElement {
  const c = model.classification!;
  const name = (s: PrecisionRecallF1) => s.map((v, i) => fixed(v, 3, ["none predicted", "no rows", "–"][i]));
  const rows = [
    ...c.report.map((r) => ({ name: className(r.id), values: name(r.scores), support: r.support })),
    { name: "macro average", values: name(c.macro), support: c.rows },
    { name: "weighted average", values: name(c.weighted), support: c.rows },
    { name: "micro average", values: name(c.micro), support: c.rows },
  ];
  const matrix = h("figure", { "data-chart": "confusion", "data-drawn": true, "aria-label": "Confusion matrix" });
  if (c.counts.length) {
    const holder = h("div");
    const draw = (byRow: boolean) => holder.replaceChildren(heat(c, byRow));
    const modes = h("div", { class: "choice", role: "group", "aria-label": "Cells" });
    const buttons = ["Rows of data", "Share of the true class"].map((text, i) =>
      h("button", { type: "button", "aria-pressed": String(i === 0), click: () => {
        buttons.forEach((b, j) => b.setAttribute("aria-pressed", String(i === j)));
        draw(i === 1);
      } }, text));
    modes.append(h("span", { class: "segments" }, ...buttons));
    draw(false);
    matrix.append(h("figcaption", {}, model.task === "binary" ? "Confusion matrix at 0.5" : "Confusion matrix"), modes, holder);
  } else {
    matrix.append(h("p", { class: "note" }, `${count(c.classes)} classes are too many to draw; ConfusionMatrix.json has the counts.`));
  }
  const lines = model.lines;
  return section({
    id: "confusion",
    title: "Confusion matrix and class scores",
    intro: "Precision: of the rows predicted as a class, how many are. Recall: of the rows of a class, how many are found. F1 is their harmonic mean. The macro average counts each class alike, the weighted one each row.",
    body: [
      grid(matrix, card("Scores by class", table(rows, [
        { title: "", cell: (r) => r.name },
        { title: "precision", number: true, cell: (r) => r.values[0] },
        { title: "recall", number: true, cell: (r) => r.values[1] },
        { title: "F1", number: true, cell: (r) => r.values[2] },
        { title: "rows", number: true, cell: (r) => count(r.support) },
      ], 24), h("p", { class: "note" }, `Accuracy ${fixed(c.accuracy, 4)} over ${count(c.rows)} ${model.job.validated ? "validation" : "training"} rows, after round ${model.step}.`))),
      lines && lines.steps.length > 1 ? chart("class-recall", "Recall of each class over the rounds", (width) => {
        const data = lines.lines.slice(0, 20).flatMap((l, i) =>
          l.values.map((v, j) => ({ x: lines.steps[j], y: v, i, name: className(Number(l.name)) }))).filter((d) => d.y !== null);
        return withLegend(plot(width, {
          height: 260,
          x: rounds,
          y: { label: "recall", grid: true, domain: [0, 1] },
          marks: [
            Plot.lineY(data, { x: "x", y: "y", z: "name", stroke: (d) => color(d.i), strokeWidth: 2 }),
            Plot.dot(data, Plot.pointer({ x: "x", y: "y", fill: (d) => color(d.i), r: 4 })),
            Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `${d.name}\nround ${d.x}\nrecall ${num(d.y)}` })),
          ],
        }), lines.lines.slice(0, 20).map((l, i) => ({ name: className(Number(l.name)), color: color(i) })));
      }) : null,
    ],
  });
}

export function curvesSection(curves: Curve[], rowsOf: string): HTMLElement {
  if (curves.length === 0) {
    return section({ id: "roc", title: "ROC and precision–recall",
      body: [card("", h("p", { class: "note" }, `The ${rowsOf} are all of one class: there is nothing to tell apart, and no curve.`))] });
  }
  const several = curves.length > 1;
  const name = (c: Curve) => (several ? className(c.id) : "model");
  const roc = (width: number) => {
    const data = curves.flatMap((c, i) => c.roc.map(([x, y]) => ({ x, y, i })));
    const marks: Plot.Markish[] = [
      Plot.line([[0, 0], [1, 1]], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
      Plot.line(data, { x: "x", y: "y", z: "i", stroke: (d) => color(d.i), strokeWidth: 2 }),
      Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `${name(curves[d.i])}\nfalse alarms ${percent(d.x)}\nfound ${percent(d.y)}` })),
    ];
    if (!several) marks.unshift(Plot.areaY(data, { x: "x", y: "y", fill: color(0), fillOpacity: 0.1 }));
    return withLegend(plot(width, {
      height: Math.min(360, width * 0.8),
      x: { label: "false positive rate", domain: [0, 1], grid: true },
      y: { label: "true positive rate", domain: [0, 1], grid: true },
      marks,
    }), curves.map((c, i) => ({ name: `${name(c)}, AUC ${fixed(c.auc, 5)}`, color: color(i) })));
  };
  const pr = (width: number) => {
    const data = curves.flatMap((c, i) => c.pr.map(([x, y]) => ({ x, y, i })));
    const bases = several ? [] : [curves[0].positives / (curves[0].positives + curves[0].negatives)];
    return withLegend(plot(width, {
      height: Math.min(360, width * 0.8),
      x: { label: "recall", domain: [0, 1], grid: true },
      y: { label: "precision", domain: [0, 1], grid: true },
      marks: [
        Plot.ruleY(bases, { stroke: "var(--muted)", strokeDasharray: "4 4" }),
        Plot.line(data, { x: "x", y: "y", z: "i", stroke: (d) => color(d.i), strokeWidth: 2 }),
        Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `${name(curves[d.i])}\nrecall ${percent(d.x)}\nprecision ${percent(d.y)}` })),
      ],
    }), curves.map((c, i) => ({ name: `${name(c)}, AP ${fixed(c.averagePrecision, 5)}`, color: color(i) })));
  };
  return section({
    id: "roc",
    title: "ROC and precision–recall",
    intro: (several ? "Each class against all others. " : "") +
      `The area under the ROC curve is the chance that a row of ${several ? "the class" : className(1)} scores above one of ${several ? "the others" : className(0)}: 0.5 is guessing (the dashed line), 1 is perfect. Where ${several ? "it" : className(1)} is rare, trust the precision–recall curve: its dashed line is what guessing gets.`,
    body: [grid(chart("roc", "ROC curve", roc), chart("precision-recall", "Precision and recall", pr))],
  });
}

export function calibrationSection(model: TrainingModel): HTMLElement {
  const c = model.calibration!;
  const bins = c.bins.filter((b) => b[2] > 0);
  const most = Math.max(...bins.map((b) => b[2]));
  return section({
    id: "calibration",
    title: "Calibration",
    intro: model.task === "binary"
      ? `Are the probabilities right? Of the rows given 0.8, eight in ten should be ${className(1)}: points on the dashed line. Larger points stand for more rows.`
      : "Are the probabilities of the chosen class right? Of the rows where it was given 0.8, eight in ten should be right: points on the dashed line.",
    body: [grid(
      chart("calibration", "Predicted and observed", (width) => plot(width, {
        height: Math.min(360, width * 0.8),
        x: { label: "mean prediction", domain: [0, 1], grid: true },
        y: { label: "observed share", domain: [0, 1], grid: true },
        r: { range: [3, 13], domain: [0, most], type: "sqrt" },
        marks: [
          Plot.line([[0, 0], [1, 1]], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
          Plot.line(bins, { x: (b) => b[3], y: (b) => b[4], stroke: color(0), strokeWidth: 1.5 }),
          Plot.dot(bins, { x: (b) => b[3], y: (b) => b[4], r: (b) => b[2], fill: color(0), stroke: "var(--surface)",
            title: (b) => `${count(b[2])} rows\npredicted ${fixed(b[3], 3)}\nobserved ${fixed(b[4], 3)}`, tip: true }),
        ],
      })),
      card("In numbers",
        table(bins, [
          { title: "score", cell: (b) => `${fixed(b[0], 1)}–${fixed(b[1], 1)}` },
          { title: "rows", number: true, cell: (b) => count(b[2]) },
          { title: "predicted", number: true, cell: (b) => fixed(b[3], 3) },
          { title: "observed", number: true, cell: (b) => fixed(b[4], 3) },
          { title: "difference", number: true, cell: (b) => { const d = b[3]! - b[4]!; return (d >= 0 ? "+" : "−") + fixed(Math.abs(d), 3); } },
        ]),
        h("p", { class: "note" }, `Expected calibration error ${fixed(c.error, 4)}, Brier score ${fixed(c.brier, 4)}; both are better when smaller.`)))],
  });
}

export function gainsSection(gains: number[], base: number): HTMLElement {
  const rows = gains.map((g, i) => ({ share: i / 100, gain: g, lift: i ? g / (i / 100) : null }));
  return section({
    id: "gains",
    title: "Gain and lift",
    intro: `If you can act on only some rows, take those with the highest scores: the best 10 % hold ${percent(gains[10])} of all rows that are ${className(1)}, ${num(gains[10] * 10, 3)} times what a random tenth would.`,
    body: [grid(
      chart("gains", "Cumulative gain", (width) => plot(width, {
        x: { label: "share of rows, best first", tickFormat: "%", domain: [0, 1] },
        y: { label: `share of ${className(1)}`, tickFormat: "%", domain: [0, 1], grid: true },
        marks: [
          Plot.line([[0, 0], [1, 1]], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
          Plot.line([[0, 0], [base, 1], [1, 1]], { stroke: "var(--muted)", strokeOpacity: 0.5 }),
          Plot.areaY(rows, { x: "share", y: "gain", fill: color(0), fillOpacity: 0.1 }),
          Plot.lineY(rows, { x: "share", y: "gain", stroke: color(0), strokeWidth: 2 }),
          Plot.tip(rows, Plot.pointerX({ x: "share", y: "gain", title: (d) => `best ${percent(d.share, 0)} of rows\n${percent(d.gain)} of ${className(1)}` })),
        ],
      }), "Dashed: random order. Grey: perfect order."),
      chart("lift", "Lift", (width) => plot(width, {
        x: { label: "share of rows, best first", tickFormat: "%", domain: [0, 1] },
        y: { label: "times better than random", grid: true, zero: true },
        marks: [
          Plot.ruleY([1], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
          Plot.lineY(rows.slice(1), { x: "share", y: "lift", stroke: color(2), strokeWidth: 2 }),
          Plot.tip(rows.slice(1), Plot.pointerX({ x: "share", y: "lift", title: (d) => `best ${percent(d.share, 0)} of rows\nlift ${num(d.lift, 3)}` })),
        ],
      })))],
  });
}
