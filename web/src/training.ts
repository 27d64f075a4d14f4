// The training report.
import { calibrationSection, confusionSection, curvesSection, gainsSection, thresholdSection } from "./classification";
import { importanceSection, treesSection, worstSection } from "./explain";
import { frame } from "./frame";
import type { OtherJob, Series, TrainingModel } from "./model";
import { classLabel, className, isCategory, takeNames } from "./names";
import { numbersSection, rankingSection, residualsSection, survivalSection } from "./numbers";
import {
  Plot, type Tile, card, chart, color, count, fixed, grid, h, num, percent, plot, plural, rounds, section, shade, table, tiles, time, withLegend,
} from "./ui";

export const rowsOf = (m: TrainingModel) => (m.job.validated ? "validation rows" : "training rows");

function overview(m: TrainingModel): HTMLElement {
  const list: Tile[] = [];
  for (const s of m.metrics.series) {
    if (s.data === "train" && m.metrics.series.some((o) => o.data !== "train")) continue;
    const now = s.now?.[1];
    list.push(now === undefined || now === null || !s.best
      ? { label: s.name, value: "–", hint: `no number after round ${m.job.rounds - 1}` }
      : { label: s.name, value: num(now, 5), hint: s.best[1] === now ? "its best value" : `best ${num(s.best[1], 5)}, round ${s.best[0]}` });
  }
  const shown = (word: string) => m.metrics.series.some((s) => s.metric === word && s.data !== "train");
  const t = m.thresholds;
  if (m.task === "binary" && t && (t.positives === 0 || t.negatives === 0)) {
    list.push({ label: "ROC AUC", value: "–", hint: `only ${className(t.positives ? 1 : 0)} occurs` });
  }
  if (m.task === "binary" && m.curves?.length) {
    if (!shown("auc")) list.push({ label: "ROC AUC", value: fixed(m.curves[0].auc, 5), hint: "0.5 is guessing" });
    list.push({ label: "Average precision", value: fixed(m.curves[0].averagePrecision, 5),
      hint: `guessing gets ${fixed(m.curves[0].positives / (m.curves[0].positives + m.curves[0].negatives), 3)}` });
  }
  if (m.classification) {
    list.push({ label: "Accuracy", value: percent(m.classification.accuracy, 2) });
    list.push({ label: "Macro F1", value: fixed(m.classification.macro[2], 4) });
  }
  const n = m.numbers;
  if (n) {
    list.push({ label: "R²", value: fixed(n.r2, 4), hint: n.r2 === null ? "all true values are equal" : "1 is perfect, 0 the mean" });
    if (!shown("rmse")) list.push({ label: "RMSE", value: num(n.rmse, 5) });
    if (!shown("mae")) list.push({ label: "Mean |error|", value: num(n.mae, 5), hint: `half of them below ${num(n.medianError, 3)}` });
    list.push({ label: "Largest |error|", value: num(n.maxError) });
    if (n.mape !== null && n.mape < 100) list.push({ label: "Mean |error| in percent", value: percent(n.mape), hint: "of the true value" });
    if (n.poissonDeviance !== undefined) list.push({ label: "Mean Poisson deviance", value: num(n.poissonDeviance),
      hint: n.poissonDeviance === null ? "a prediction is not above 0" : undefined });
  }
  if (m.survival) list.push({ label: "Concordance", value: fixed(m.survival.concordance, 4), hint: m.survival.concordance === null ? "no two rows can be compared" : "0.5 is guessing" });
  if (m.calibration) list.push({ label: "Calibration error", value: fixed(m.calibration.error, 4), hint: "0 is perfect" });
  return tiles(list);
}

function lossChart(series: Series[], m: TrainingModel): HTMLElement {
  const deciding = m.metrics.deciding;
  const tone = (s: Series) => (s.data === "train" ? "var(--train)" : s.data === "validation" ? "var(--accent)" : color(2));
  const metric = series[0].metric;
  const data = series.flatMap((s) => s.points.filter(([, v]) => v !== null).map(([x, y]) => ({ x, y: y as number, s })));
  const main = series.find((s) => s.name === deciding) ?? series.find((s) => s.data !== "train") ?? series[0];
  const best = main.best ? [{ x: main.best[0], y: main.best[1] }] : [];
  const cut = m.job.rounds < m.job.trainedRounds ? [m.job.rounds - 0.5] : [];
  return chart(`metric-${metric}`, `${metric}${main.maximize ? " (larger is better)" : " (smaller is better)"}`, (width) => {
    const last = Math.max(...data.map((d) => d.x));
    const flip = best.length > 0 && best[0].x > last * 0.7;
    return withLegend(plot(width, {
      height: 270,
      x: rounds,
      y: { label: null, grid: true, nice: true, ...(main.maximize ? { insetTop: 22 } : { insetBottom: 22 }) }, // room for the label of the best round
      marks: [
        ...(cut.length ? [Plot.rectX([{ x1: cut[0], x2: last }], { x1: "x1", x2: "x2", fill: "var(--muted)", fillOpacity: 0.1 })] : []),
        ...(best.length ? [Plot.ruleX(best, { x: "x", stroke: "var(--accent)", strokeOpacity: 0.45, strokeDasharray: "4 3" })] : []),
        Plot.lineY(data, { x: "x", y: "y", z: (d) => d.s.name, stroke: (d) => tone(d.s), strokeWidth: 2 }),
        ...(data.length <= 3 * series.length ? [Plot.dot(data, { x: "x", y: "y", fill: (d) => tone(d.s), r: 3 })] : []),
        Plot.dot(best, { x: "x", y: "y", r: 5, fill: "var(--accent)", stroke: "var(--surface)", strokeWidth: 2 }),
        Plot.text(best, { x: "x", y: "y", text: (d) => `best ${num(d.y, 5)}, round ${d.x}`, dy: main.maximize ? -14 : 16, dx: flip ? -8 : 8,
          textAnchor: flip ? "end" : "start", fill: "var(--text)", stroke: "var(--surface)", strokeWidth: 4, fontWeight: 600 }),
        Plot.dot(data, Plot.pointerX({ x: "x", y: "y", fill: (d) => tone(d.s), r: 4 })),
        Plot.tip(data, Plot.pointerX({ x: "x", y: "y", title: (d) => `${d.s.name}\nround ${d.x}\n${num(d.y, 6)}` })),
      ],
    }), series.map((s) => ({ name: s.name, color: tone(s) })));
  }, data.length === 0 ? "The metric was a number in no round."
    : cut.length ? `The model holds ${m.job.rounds === 1 ? "round 0 alone" : `rounds 0 to ${m.job.rounds - 1}`}; early stopping left out the shaded ones.` : undefined);
}

function lossSection(m: TrainingModel): HTMLElement {
  const groups = new Map<string, Series[]>();
  for (const s of m.metrics.series) groups.set(s.metric, [...(groups.get(s.metric) ?? []), s]);
  return section({
    id: "loss", title: "Metrics by round",
    intro: `Rounds count from 0, as in the log. ${m.job.validated
      ? "Where the validation curve turns while the training curve goes on, the model begins to learn the training rows by heart: the best round is marked."
      : "The job had no validation channel: these are metrics of the rows that the model learned from."}${m.job.weighted
      ? " Rows count by their weights here, and once each in the figures below." : ""}`,
    body: [grid(...[...groups.values()].map((g) => lossChart(g, m)))],
  });
}

function labelsSection(m: TrainingModel): HTMLElement {
  const l = m.labels!;
  const sum = (v: number[]) => v.reduce((a, b) => a + b, 0);
  const sets = [{ name: m.job.validated ? "validation" : "train", counts: l.validation, color: "var(--accent)" },
    ...(l.train.length ? [{ name: l.trainSampled ? "train, a sample" : "train", counts: l.train, color: "var(--train)" }] : [])];
  const both = sets.length > 1;
  const classes = l.names.length > 0;
  const names = l.names.map((n) => (m.classification ? classLabel(Number(n)) : n));
  const draw = (width: number) => {
    const rows = sets.flatMap((s, k) => {
      const total = sum(s.counts);
      return s.counts.map((n, i) => ({ k, name: classes ? names[i] : "", x1: l.edges[i], x2: l.edges[i + 1], n, share: n / total, set: s.name }));
    });
    const title = (d: (typeof rows)[number]) => `${classes ? `label ${d.name}` : `${num(d.x1)} to ${num(d.x2)}`}\n${d.set}: ${count(d.n)} rows, ${percent(d.share)}`;
    const common = { height: 260, y: { label: both ? "share of the rows" : "rows", tickFormat: both ? "%" : undefined, grid: true } } as const;
    const value = both ? "share" : "n";
    const svg = classes
      ? plot(Math.min(width, 140 + 150 * l.names.length), { ...common, x: { axis: null }, fx: { label: "label", domain: names, padding: 0.2 }, marks: [
        Plot.barY(rows, { fx: "name", x: "k", y: value, fill: (d) => sets[d.k].color, title, tip: true, inset: 0.5 }),
        Plot.ruleY([0], { stroke: "var(--line)" }),
      ] })
      : plot(width, { ...common, x: { label: "label" }, marks: [
        // The evaluated rows as bars, the training rows as an outline over them.
        Plot.rectY(rows.filter((d) => d.k === 0), { x1: "x1", x2: "x2", y2: value, y1: 0, fill: shade(0.8, sets[0].color), title, tip: true }),
        ...(both ? [Plot.line(rows.filter((d) => d.k === 1).flatMap((d) => [[d.x1, d.share], [d.x2, d.share]]), { stroke: sets[1].color, strokeWidth: 2 })] : []),
        Plot.ruleY([0], { stroke: "var(--line)" }),
      ] });
    return withLegend(svg, sets.map((s) => ({ name: `${s.name} (${count(sum(s.counts))} rows)`, color: s.color })));
  };
  return section({
    id: "labels", title: "Distribution of the labels",
    intro: (both ? "What there is to learn, and whether the validation rows are like the training rows." : `Of the ${rowsOf(m)}, each counted once.`) +
      (m.job.objective === "survival:cox" ? " A label is a time: positive if the event happened then, negative if the row was watched until then without one (censored)." : ""),
    body: [chart("labels", "True labels", draw, both && l.stability !== null
      ? `Population stability index ${fixed(l.stability, 4)}: ${l.stability < 0.1 ? "no difference to speak of." : l.stability < 0.25 ? "a noticeable difference." : "a large difference."}${
        l.trainSampled ? ` The training rows are a sample of ${count(sum(l.train))} of ${count(m.job.trainRows)}, evenly chosen.` : ""}` : undefined)],
  });
}

function dataSection(m: TrainingModel): HTMLElement {
  const d = m.data!;
  type Row = (typeof d.rows)[number];
  let query = "";
  const holder = h("div");
  const draw = () => holder.replaceChildren(table(d.rows.filter((r) => r[0].toLowerCase().includes(query)), [
    { title: "feature", cell: (r: Row) => r[0] },
    { title: "missing", number: true, cell: (r: Row) => (r[1] > 0 ? h("span", {}, h("i", { class: "bar", style: `width:${Math.round(r[1] * 60)}px` }), percent(r[1])) : "0 %") },
    { title: "mean", number: true, cell: (r: Row) => (isCategory(r[0]) ? "category" : num(r[2])) },
    { title: "std. dev.", number: true, cell: (r: Row) => num(r[3]) },
    { title: "smallest", number: true, cell: (r: Row) => num(r[4]) },
    { title: "largest", number: true, cell: (r: Row) => num(r[5]) },
    ...(d.rows.some((r) => r[6] !== null) ? [{ title: "validation beyond", number: true, hint: "share of the validation values that are smaller than the smallest or larger than the largest",
      cell: (r: Row) => (r[6] ? h("span", { class: r[6] > 0.05 ? "diff" : undefined }, percent(r[6])) : r[6] === 0 ? "0 %" : "–") }] : []),
  ], 20));
  const search = h("input", { type: "search", placeholder: "Find a feature", "aria-label": "Find a feature", input: () => { query = search.value.toLowerCase(); draw(); } });
  draw();
  return section({
    id: "data", title: "Data",
    intro: `${m.job.trainRows ? `${plural(m.job.trainRows, "training row")}, ` : ""}${m.job.validationRows ? plural(m.job.validationRows, "validation row") : "no validation rows"}, ${plural(d.features, "feature")}. Figures are of the training rows, without missing values.`,
    body: [
      card("", h("div", { class: "choice" }, search), holder, d.rows.length < d.features ? h("p", { class: "note" }, `The first ${count(d.rows.length)} features.`) : null),
    ],
  });
}

function jobSection(m: TrainingModel): HTMLElement {
  const j = m.job;
  const names = Object.keys(j.hyperparameters).sort();
  const facts: [string, string][] = ([
    ["Status", j.status], ["Failure reason", j.failureReason], ["Image", j.image], ["Instance", j.instance],
    ["Created", time(j.created)], ["Started", time(j.started)], ["Ended", time(j.ended)],
    ...j.channels.map((c) => [`Channel ${c.name}`, c.source + (c.contentType ? ` (${c.contentType})` : "")]),
  ] as [string, string][]).filter(([, v]) => v && v !== "–");
  return section({
    id: "job", title: "Job and hyperparameters",
    body: [grid(
      card("Hyperparameters", names.length ? table(names, [
        { title: "name", cell: (n) => h("code", {}, n) }, { title: "value", cell: (n) => h("code", {}, j.hyperparameters[n]) },
      ], 30) : h("p", { class: "note" }, "None were given.")),
      card("Job", table(facts, [{ title: "", cell: (f) => f[0] }, { title: "", cell: (f) => f[1] }])))],
  });
}

export const ruleLevel: Record<string, string> = {
  IssuesFound: "warning", NoIssuesFound: "good", InProgress: "notice", Error: "problem", Stopped: "notice", Stopping: "notice",
};

function rulesSection(m: TrainingModel): HTMLElement {
  return section({
    id: "rules", title: "Rules",
    body: [card("", table(m.job.rules, [
      { title: "rule", cell: (r) => r.name },
      { title: "result", cell: (r) => {
        // A rule that writes a report ends after it: in a final report it would be under way for ever.
        const report = ["CreateXgboostReport", "ProfilerReport"].includes(r.rule) && r.status === "InProgress" && !m.job.running;
        return report ? (r.rule === "CreateXgboostReport" ? "this report" : "a report of its own")
          : h("span", { class: "status", "data-level": ruleLevel[r.status] ?? "notice" }, r.status);
      } },
      { title: "details", cell: (r) => r.details },
    ]))],
  });
}

function comparisonSection(m: TrainingModel): HTMLElement {
  const { jobs, total } = m.comparison!;
  const mine = jobs[0];
  const deciding = (m.metrics.deciding ?? "").replace("-", ":");
  const metrics = [...new Set(jobs.flatMap((j) => Object.keys(j.metrics)))].filter((n) => !n.startsWith("train:")).sort((a, b) => Number(b === deciding) - Number(a === deciding)).slice(0, 4);
  const differing = [...new Set(jobs.flatMap((j) => Object.keys(j.hyperparameters)))]
    .filter((n) => new Set(jobs.map((j) => j.hyperparameters[n] ?? "")).size > 1 && !n.startsWith("_")).slice(0, 6);
  const main = metrics[0];
  const up = m.metrics.series.find((s) => s.name === m.metrics.deciding)?.maximize ?? false;
  const value = (j: OtherJob) => j.metrics[main] ?? (up ? -Infinity : Infinity);
  const ranked = [...jobs].sort((a, b) => (up ? value(b) - value(a) : value(a) - value(b)));
  const short = (n: string) => (m.job.base && n.startsWith(`${m.job.base}-`) ? `…${n.slice(m.job.base.length)}` : n);
  const place = ranked.indexOf(mine) + 1;
  const dots = jobs.filter((j) => j.metrics[main] !== undefined).map((j, i) => ({ i: jobs.length - i, v: j.metrics[main], j }));
  return section({
    id: "comparison", title: "Compared with other jobs",
    intro: `${plural(total, "job")} named ${m.job.base || "alike"}; this one is number ${place} by ${main ?? "nothing"}, as each job logged it last${m.job.rounds < m.job.trainedRounds ? " (not at the round that early stopping kept)" : ""}. Only hyperparameters that differ are shown.`,
    body: [
      dots.length > 1 ? chart("comparison", `${main}, oldest job to newest`, (width) => plot(width, {
        height: 200,
        x: { label: "job", ticks: [], domain: [0.5, jobs.length + 0.5] },
        y: { label: null, grid: true, inset: 10 },
        r: { type: "identity" },
        marks: [
          Plot.line(dots, { x: "i", y: "v", stroke: "var(--line)" }),
          Plot.dot(dots, { x: "i", y: "v", r: (d) => (d.j === mine ? 7 : 4), fill: (d) => (d.j === mine ? "var(--accent)" : "var(--muted)"), stroke: "var(--surface)", tip: true,
            title: (d) => `${d.j.name}${d.j === mine ? " (this job)" : ""}\n${main} ${num(d.v, 6)}` }),
        ],
      })) : null,
      card("", table(ranked, [
        { title: "job", cell: (j) => (j === mine ? h("span", { class: "diff" }, short(j.name), " (this job)") : short(j.name)) },
        ...metrics.map((n) => ({ title: n, number: true, cell: (j: OtherJob) => num(j.metrics[n], 5) })),
        ...differing.map((n) => ({ title: n, number: true, cell: (j: OtherJob) => {
          const v = j.hyperparameters[n] ?? "–";
          return j !== mine && v !== (mine.hyperparameters[n] ?? "–") ? h("span", { class: "diff" }, v) : v;
        } })),
      ], 15)),
    ],
  });
}

export function trainingReport(m: TrainingModel): HTMLElement {
  takeNames(m);
  const j = m.job;
  const sections: HTMLElement[] = [];
  const add = (there: unknown, make: () => HTMLElement) => { if (there) sections.push(make()); };
  add(m.metrics.series.length, () => lossSection(m));
  add(m.thresholds, () => thresholdSection(m.thresholds!, m.scores, rowsOf(m)));
  add(m.classification, () => confusionSection(m));
  add(m.curves, () => curvesSection(m.curves!, rowsOf(m)));
  add(m.calibration, () => calibrationSection(m));
  add(m.gains && m.curves?.length, () => gainsSection(m.gains!, m.curves![0].positives / (m.curves![0].positives + m.curves![0].negatives)));
  add(m.numbers, () => numbersSection(m));
  add(m.grades, () => rankingSection(m));
  add(m.survival && !m.numbers, () => survivalSection(m));
  add(m.residuals && !(m.classification && !m.classification.counts.length), () => residualsSection(m));
  add(m.importance || m.shap, () => importanceSection(m));
  add(m.worst, () => worstSection(m));
  add(m.trees, () => treesSection(m));
  add(m.labels, () => labelsSection(m));
  add(m.data, () => dataSection(m));
  add(m.comparison, () => comparisonSection(m));
  add(j.rules.length, () => rulesSection(m));
  sections.push(jobSection(m));
  const rows = [j.trainRows ? `${count(j.trainRows)} train` : "", j.validationRows ? `${count(j.validationRows)} validation` : ""].filter(Boolean).join(", ");
  return frame({
    kind: "Training report", job: j,
    facts: [
      ["Objective", j.objective],
      ["Rounds", j.rounds ? count(j.rounds) + (j.running ? " so far" : j.rounds < j.trainedRounds ? ` of ${count(j.trainedRounds)} trained` : "") : ""],
      ["Rows", rows],
      ["Features", j.features ? count(j.features) : ""],
      ["Image", j.image],
    ],
    verdict: m.verdict, overview: overview(m), sections,
    files: "The numbers are in xgboost-reports/ beside this page, and xgboost_report.ipynb draws them again. This page loads nothing from a network.",
  });
}
