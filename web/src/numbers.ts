// Figures of regression, counts, ranking and survival.
import type { Classification, TrainingModel } from "./model";
import { Plot, card, chart, color, count, fixed, grid, num, percent, plot, rounds, section, shade, table, withLegend } from "./ui";

// The smallest and the largest value, apart even if they are equal.
function range(values: number[]): { low: number; high: number } {
  const low = Math.min(...values), high = Math.max(...values);
  return low < high ? { low, high } : { low: low - 0.5, high: high + 0.5 };
}

export function numbersSection(model: TrainingModel): HTMLElement {
  const n = model.numbers!;
  const of = model.job.validated ? model.job.validationRows : model.job.trainRows;
  const values = n.scatter.flat();
  const { low, high } = range(values);
  const square = (width: number) => Math.min(380, width * 0.85);
  return section({
    id: "scores",
    title: "Predicted and true values",
    intro: "On the dashed line a prediction is right; above it is too high. The groups are tenths of the rows by prediction: where their points leave the line, predictions are off on average.",
    body: [grid(
      chart("predicted-true", "Predicted against true", (width) => plot(width, {
        height: square(width),
        x: { label: "true", domain: [low, high], grid: true },
        y: { label: "predicted", domain: [low, high], grid: true },
        marks: [
          Plot.dot(n.scatter, { x: (d) => d[0], y: (d) => d[1], r: 2.2, fill: color(0), fillOpacity: 0.35 }),
          Plot.line([[low, low], [high, high]], { stroke: "var(--text)", strokeOpacity: 0.6, strokeDasharray: "4 4" }),
          Plot.tip(n.scatter, Plot.pointer({ x: (d) => d[0], y: (d) => d[1], title: (d) => `true ${num(d[0])}\npredicted ${num(d[1])}` })),
        ],
      }), n.scatter.length < of ? `${count(n.scatter.length)} of ${count(of)} rows, evenly chosen.` : undefined),
      chart("prediction-groups", "Means by tenth of the predictions", (width) => {
        const points = n.groups.map((g, i) => ({ i, rows: g[0], x: g[1], y: g[2] }));
        const all = points.flatMap((p) => [p.x, p.y]);
        const { low: lo, high: hi } = range(all);
        return plot(width, {
          height: square(width),
          x: { label: "mean prediction", grid: true },
          y: { label: "mean of the true values", grid: true },
          marks: [
            Plot.line([[lo, lo], [hi, hi]], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
            Plot.line(points, { x: "x", y: "y", stroke: color(0), strokeWidth: 1.5 }),
            Plot.dot(points, { x: "x", y: "y", fill: color(0), r: 5, stroke: "var(--surface)", tip: true,
              title: (d) => `tenth ${d.i + 1}, ${count(d.rows)} rows\npredicted ${num(d.x)}\ntrue ${num(d.y)}` }),
          ],
        });
      }))],
  });
}

// Of classes only whole differences are there.
function classResiduals(c: Classification): HTMLElement {
  const rows = new Map<number, number>();
  c.counts.forEach((n, i) => {
    const d = (i % c.classes) - Math.floor(i / c.classes);
    rows.set(d, (rows.get(d) ?? 0) + n);
  });
  const bars = [...rows].map(([d, n]) => ({ d, share: n / c.rows, n })).sort((a, b) => a.d - b.d);
  return section({
    id: "residuals",
    title: "Residuals",
    intro: "Predicted minus true class, as numbers: what is not 0 is wrong. It says most where the classes are ordered, and on which side a binary model errs.",
    body: [chart("residuals", "Distribution of the residuals", (width) => plot(Math.min(width, 160 + 90 * bars.length), {
      height: 240,
      x: { type: "band", label: "predicted − true", domain: bars.map((b) => b.d), tickFormat: (d: number) => (d > 0 ? `+${d}` : String(d)) },
      y: { label: "share of rows", tickFormat: "%", grid: true },
      marks: [
        Plot.barY(bars, { x: "d", y: "share", fill: (b) => shade(0.75, b.d === 0 ? "var(--good)" : "var(--problem)"), tip: true,
          title: (b) => `${b.d === 0 ? "right" : `off by ${b.d}`}\n${count(b.n)} rows, ${percent(b.share)}` }),
        Plot.text(bars, { x: "d", y: "share", text: (b) => count(b.n), dy: -8, fill: "var(--muted)", stroke: "var(--surface)", strokeWidth: 4 }),
        Plot.ruleY([0], { stroke: "var(--line)" }),
      ],
    }))],
  });
}

export function residualsSection(model: TrainingModel): HTMLElement {
  const r = model.residuals!;
  const total = r.counts.reduce((a, b) => a + b, 0);
  const bars = r.counts.map((c, i) => ({ x1: r.edges[i], x2: r.edges[i + 1], density: c / total / (r.edges[i + 1] - r.edges[i]), c }));
  const low = r.edges[0], high = r.edges[r.edges.length - 1];
  const bell = r.std > 0
    ? Array.from({ length: 121 }, (_, i) => {
      const x = low + ((high - low) * i) / 120;
      return { x, y: Math.exp(-((x - r.mean) ** 2) / (2 * r.std ** 2)) / (r.std * Math.sqrt(2 * Math.PI)) };
    })
    : [];
  const n = model.numbers;
  const lines = model.lines;
  const bins = n?.binErrors.filter((b) => b[2] > 0) ?? [];
  const c = model.classification;
  if (c) return classResiduals(c);
  return section({
    id: "residuals",
    title: "Residuals",
    intro: "Predicted minus true value. A narrow peak at 0 is good; a peak beside 0 means that predictions are off on average, a long tail that some rows are hard.",
    body: [
      grid(
        chart("residuals", "Distribution of the residuals", (width) => plot(width, {
          x: { label: "predicted − true" },
          y: { label: "density", grid: true },
          marks: [
            Plot.rectY(bars, { x1: "x1", x2: "x2", y2: "density", y1: 0, fill: shade(0.55, color(0)), tip: true,
              title: (d) => `${num(d.x1)} to ${num(d.x2)}\n${count(d.c)} rows` }),
            Plot.line(bell, { x: "x", y: "y", stroke: color(1), strokeWidth: 1.5 }),
            Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
          ],
        }), `Mean ${num(r.mean)}, standard deviation ${num(r.std)}; the line is the normal distribution with these.`),
        bins.length ? chart("bin-errors", "Mean absolute error by true value", (width) => plot(width, {
          x: { label: "true value" },
          y: { label: "mean |error|", grid: true },
          marks: [
            Plot.rectY(bins, { x1: (b) => b[0], x2: (b) => b[1], y2: (b) => b[3], y1: 0, fill: shade(0.65, color(2)), inset: 0.5, tip: true,
              title: (b) => `${num(b[0])} to ${num(b[1])}\nmean error ${num(b[3])}\n${count(b[2])} rows` }),
            Plot.ruleY([0], { stroke: "var(--line)" }),
          ],
        }), "Where bars are high, the model needs more rows of that kind or better features.") : null),
      n && lines && lines.steps.length > 1 ? chart("bin-errors-rounds", "Mean absolute error by true value, over the rounds", (width) => {
        const data = lines.lines.flatMap((l, i) => {
          const [a, b] = [n.binErrors[i][0], n.binErrors[i][1]];
          return l.values.map((v, j) => ({ x: lines.steps[j], y: v, i, name: `${num(a, 3)} to ${num(b, 3)}` }));
        }).filter((d) => d.y !== null);
        const tone = (i: number) => `color-mix(in oklab, var(--low), var(--high) ${Math.round((i * 100) / Math.max(1, lines.lines.length - 1))}%)`;
        return withLegend(plot(width, {
          height: 280,
          x: rounds,
          y: { label: "mean |error|", grid: true },
          marks: [
            Plot.lineY(data, { x: "x", y: "y", z: "i", stroke: (d) => tone(d.i), strokeWidth: 1.8 }),
            Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `true ${d.name}\nround ${d.x}\nmean error ${num(d.y)}` })),
          ],
        }), lines.lines.map((_, i) => ({ name: `${num(n.binErrors[i][0], 3)} to ${num(n.binErrors[i][1], 3)}`, color: tone(i) })));
      }) : null,
    ],
  });
}

export function rankingSection(model: TrainingModel): HTMLElement {
  const grades = model.grades!.map(([grade, rows, p5, p25, p50, p75, p95]) => ({ grade: String(grade), rows, p5, p25, p50, p75, p95 }));
  return section({
    id: "scores",
    title: "Scores by relevance",
    intro: "A good ranker gives relevant rows higher scores: boxes should climb from left to right. Only the order within a query counts, so some overlap is natural.",
    body: [grid(
      chart("scores-by-grade", "Scores of the validation rows", (width) => plot(width, {
        x: { type: "band", label: "relevance", domain: grades.map((g) => g.grade) },
        y: { label: "score", grid: true },
        marks: [
          Plot.ruleX(grades, { x: "grade", y1: "p5", y2: "p95", stroke: "var(--muted)" }),
          Plot.barY(grades, { x: "grade", y1: "p25", y2: "p75", fill: shade(0.35), stroke: "var(--accent)", insetLeft: 8, insetRight: 8, tip: true,
            title: (g) => `relevance ${g.grade}, ${count(g.rows)} rows\nmiddle ${num(g.p50)}\nhalf of them ${num(g.p25)} to ${num(g.p75)}` }),
          Plot.tickY(grades, { x: "grade", y: "p50", stroke: "var(--accent)", strokeWidth: 3, insetLeft: 8, insetRight: 8 }),
        ],
      }), "Box: the middle half; line: 5 % to 95 %."),
      card("In numbers", table(grades, [
        { title: "relevance", cell: (g) => g.grade },
        { title: "rows", number: true, cell: (g) => count(g.rows) },
        { title: "25 %", number: true, cell: (g) => num(g.p25) },
        { title: "middle", number: true, cell: (g) => num(g.p50) },
        { title: "75 %", number: true, cell: (g) => num(g.p75) },
      ], 20)))],
  });
}

export function survivalSection(model: TrainingModel): HTMLElement {
  const s = model.survival!;
  const data = s.groups.flatMap((g, i) => g.curve.map(([x, y]) => ({ x, y, i })));
  const aft = model.job.objective === "survival:aft";
  return section({
    id: "scores",
    title: "Survival by predicted risk",
    intro: `The validation rows in quarters of predicted risk, and how long each quarter stays without an event (Kaplan–Meier). The further apart, the better. ${s.concordance === null ? "No two rows can be compared, so there is no concordance."
      : `Concordance ${fixed(s.concordance, 4)}: of two rows, the one with the higher risk has its event first that often (0.5 is guessing).`}` +
      (aft ? " Only the lower bounds of the times were saved; they are all taken as events." : ""),
    body: [chart("survival", "Share without event", (width) => withLegend(plot(width, {
      height: 320,
      x: { label: "time" },
      y: { label: "share without event", domain: [0, 1], tickFormat: "%", grid: true },
      marks: [
        Plot.line(data, { x: "x", y: "y", z: "i", stroke: (d) => color(d.i), strokeWidth: 2, curve: "step-after" }),
        Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `${s.groups[d.i].name}\ntime ${num(d.x)}\nwithout event ${percent(d.y)}` })),
      ],
    }), s.groups.map((g, i) => ({ name: `${g.name} (${count(g.rows)} rows)`, color: color(i) }))))],
  });
}
