// The report of a tuning job.
import { type BarRow, type Point, bars, dataTable, lines, scatter } from "./charts";
import { frame } from "./frame";
import type { TuningDefinition, TuningModel, TuningParameter, TuningTrial } from "./model";
import { type Tile, card, choice, count, duration, figure, grid, h, num, percent, plural, section, table, tiles } from "./ui";

// What belongs to one definition: of most jobs there is one only.
interface View {
  m: TuningModel;
  d: TuningDefinition;
  trials: TuningTrial[]; // of the definition
  measured: TuningTrial[];
  best: TuningTrial | null;
  equal: Set<TuningTrial>;
}

const failed = (t: TuningTrial) => t.status === "Failed";
const running = (t: TuningTrial) => t.ended === null;
// Who chose a configuration (src/tuning/strategy.h).
const ORIGINS: Record<string, string> = {
  default: "the algorithm's defaults", portfolio: "the portfolio", parent: "a parent job", rounds: "a longer trial, on its way",
  sobol: "Sobol sequence", grid: "the grid", model: "Gaussian process", density: "TPE",
};
const stopped = (t: TuningTrial) => t.status === "Stopped";
const better = (d: TuningDefinition, a: number, b: number) => (d.maximize ? a > b : a < b);

function views(m: TuningModel): View[] {
  return m.definitions.map((d, i) => {
    const trials = m.trials.filter((t) => t.definition === i);
    return {
      m, d, trials,
      measured: trials.filter((t) => t.value !== null && !failed(t)),
      best: d.best === null ? null : m.trials[d.best],
      equal: new Set(d.equal.map((n) => m.trials[n])),
    };
  });
}

// The same for each definition, behind a choice if there are several.
function each(all: View[], draw: (v: View) => HTMLElement): HTMLElement {
  if (all.length === 1) return draw(all[0]);
  const holder = h("div", {}, draw(all[0]));
  return h("div", {}, choice("Definition", all.map((v, i) => ({ value: String(i), text: v.d.name })),
    (i) => holder.replaceChildren(draw(all[Number(i)]))), holder);
}

const tone = (v: View, t: TuningTrial): string =>
  t === v.best ? "var(--good)" : v.equal.has(t) ? "var(--c6)" : stopped(t) ? "var(--missing)" : "var(--c1)";

const tones = (v: View) => [
  { name: "best", color: "var(--good)" },
  ...(v.equal.size > 1 ? [{ name: "may be as good", color: "var(--c6)" }] : []),
  { name: "other trials", color: "var(--c1)" },
  ...(v.trials.some(stopped) ? [{ name: "stopped early", color: "var(--missing)" }] : []),
];

const words = (t: TuningTrial): string => Object.entries(t.tuned).map(([k, v]) => `${k} ${short(v)}`).join("\n");
const title = (v: View, t: TuningTrial): string =>
  `trial ${t.number}: ${v.d.metric} ${num(t.value, 6)}${t.status === "Completed" ? "" : ` (${t.status})`}\n${words(t)}`;

// A number's text without its last digits.
function short(text: string): string {
  const v = Number(text);
  return text.trim() !== "" && Number.isFinite(v) ? num(v, 4) : text;
}

function bytes(n: number | undefined): string {
  if (n === undefined) return "–";
  return n < 1000 ? `${n} B` : n < 1e6 ? `${num(n / 1e3, 3)} kB` : `${num(n / 1e6, 3)} MB`;
}

// --- the best trial ---

function overview(m: TuningModel, all: View[]): HTMLElement {
  const list: Tile[] = [];
  const best = m.best === null ? null : m.trials[m.best];
  if (best) {
    const v = all[best.definition];
    list.push({ label: v.d.metric, value: num(best.value, 6),
      hint: best.standardError !== undefined ? `± ${num(best.standardError, 2)} (standard error of ${plural(best.folds!.length, "fold")})` : `trial ${best.number}, last value` });
    const standard = v.d.standard === null ? null : m.trials[v.d.standard];
    if (standard && standard !== best) {
      list.push({ label: "Gain over the defaults", value: num(Math.abs(best.value! - standard.value!), 3), hint: `they had ${num(standard.value, 5)}, trial ${standard.number}` });
    }
    list.push({ label: "As good as the best", value: count(v.d.equal.length), hint: v.d.equalBy === "folds" ? "by paired folds" : "by the surrogate" });
  }
  const ended = m.trials.filter((t) => !running(t)).length;
  list.push({ label: "Trials", value: `${count(ended)} of ${count(m.job.most)}`,
    hint: [[m.trials.filter(stopped).length, "stopped early"], [m.trials.filter(failed).length, "failed"], [m.trials.length - ended, "running"]]
      .filter(([n]) => n).map(([n, w]) => `${n} ${w}`).join(", ") || "all completed" });
  list.push({ label: "Training time", value: duration(m.cost.trialSeconds), hint: `in ${duration(m.cost.wallSeconds)} of waiting` });
  return tiles(list);
}

function place(p: TuningParameter, text: string): HTMLElement {
  if (p.values) return h("span", { class: "quiet" }, `one of ${p.values.length}`);
  const t = (v: number) => (p.scale === "log" ? Math.log(v) : p.scale === "reverse-log" ? -Math.log1p(-v) : v);
  const at = p.max! > p.min! ? (t(Number(text)) - t(p.min!)) / (t(p.max!) - t(p.min!)) : 0.5;
  return h("span", { class: "range", title: `${num(p.min)} to ${num(p.max)}, ${p.scale}` },
    h("i", {}, h("b", { style: `left:${(100 * Math.max(0, Math.min(1, at))).toFixed(1)}%` })));
}

const command = (label: string, text: string): HTMLElement => {
  const button = h("button", { type: "button", class: "copy", click: () => {
    void navigator.clipboard?.writeText(text).then(() => { button.textContent = "Copied"; }, () => undefined);
  } }, "Copy");
  return h("div", { class: "snippet" }, h("div", { class: "controls" }, h("b", {}, label), button), h("pre", {}, text));
};

function bestSection(all: View[]): HTMLElement {
  return section({
    id: "best", title: "The best trial",
    intro: "Its hyperparameters against their ranges and the algorithm's defaults, and the trials that may be as good: choose among those by what else counts.",
    body: [each(all, (v) => {
      const b = v.best!;
      const rows = v.d.parameters.map((p) => ({ p, text: b.tuned[p.name] ?? "" }));
      const card1 = card(`Trial ${b.number}: ${b.name}`, table(rows, [
        { title: "hyperparameter", cell: (r) => r.p.name },
        { title: "best value", number: true, cell: (r) => h("b", {}, short(r.text)) },
        { title: "in its range", cell: (r) => place(r.p, r.text) },
        { title: "", cell: (r) => (r.p.edge ? h("span", { class: "diff" }, `at the ${r.p.edge < 0 ? "lower" : "upper"} end`) : "") },
        { title: "default", number: true, cell: (r) => (r.p.default === undefined ? "–" : short(r.p.default)) },
      ]));
      const others = v.d.equal.map((n) => v.m.trials[n]).sort((x, y) => (better(v.d, x.value!, y.value!) ? -1 : 1));
      const card2 = card(others.length > 1 ? `${others.length} trials that may be as good` : "No other trial is as good",
        table(others, [
          { title: "trial", cell: (t) => String(t.number) + (t === b ? " (best)" : v.d.smallest !== null && v.m.trials[v.d.smallest] === t ? " (smallest)" : "") },
          { title: v.d.metric, number: true, cell: (t) => num(t.value, 6) },
          ...(b.folds ? [{ title: "±", number: true, hint: "standard error over the folds", cell: (t: TuningTrial) => num(t.standardError, 2) }] : []),
          { title: "model", number: true, cell: (t) => bytes(t.modelBytes) },
          { title: "took", number: true, cell: (t) => duration(t.seconds ?? NaN) },
        ], 8),
        h("p", { class: "note" }, v.d.equalBy === "folds"
          ? "The one-sided corrected resampled t-test of the paired folds does not tell them apart from the best at 5 %."
          : `Under a Gaussian process over all trials the best one is not better with a probability above 95 %. Its noise is ${num(v.d.noise, 2)}; with _kfold trials are compared fold by fold instead.`));
      return grid(card1, card2);
    })],
  });
}

// --- the search ---

function progressSection(all: View[]): HTMLElement {
  return section({
    id: "progress", title: "Objective over time",
    intro: "Each point is a trial; the line is the best so far. The band is where random search would be after as many trials (10 to 90 %, the middle as its edge), drawn from what the trials say of the space.",
    body: [each(all, (v) => {
      const d = v.d;
      let best: number | null = null;
      const line: { x: number; y: number }[] = [];
      v.measured.forEach((t) => {
        if (!stopped(t) || v.m.job.strategy === "Hyperband") if (best === null || better(d, t.value!, best)) best = t.value;
        if (best !== null) line.push({ x: v.trials.indexOf(t) + 1, y: best });
      });
      const points = (x: (t: TuningTrial) => number): Point[] => v.measured.map((t) => ({
        x: x(t), y: t.value!, color: tone(v, t), big: t === v.best, faint: stopped(t), title: title(v, t),
      }));
      // What is far worse than the rest must not flatten everything.
      const values = v.measured.map((t) => t.value!).sort((a, b) => (better(d, a, b) ? -1 : 1));
      const edge = values[Math.floor(0.9 * (values.length - 1))], top = values[0];
      const far = Math.abs(values[values.length - 1] - top) > 4 * Math.abs(edge - top) && edge !== top;
      const limit = far ? edge + (edge - top) * 0.5 : null;
      const inside = (y: number) => limit === null || !better(d, limit, y);
      const domain = limit === null ? undefined : [limit, top + (top - edge) * 0.1].sort((a, b) => a - b);
      const begin = Date.parse(v.m.job.created!) / 1000;
      const hidden = v.measured.filter((t) => !inside(t.value!)).length;
      const note = hidden ? `${plural(hidden, "trial")} far worse ${hidden === 1 ? "is" : "are"} not shown.` : undefined;
      const clip = (p: Point[]) => p.filter((q) => inside(q.y));
      const cut = (y: number) => (inside(y) ? y : limit!);
      return grid(
        scatter("progress", `${d.metric} by trial`, clip(points((t) => v.trials.indexOf(t) + 1)), {
          x: { label: "trial" }, y: { label: null, domain }, steps: true, line: line.filter((p) => inside(p.y)), height: 300,
          band: d.band.slice(0, Math.max(v.trials.length, 2)).map(([a, , c], i) => ({ x: i + 1, low: cut(Math.min(a, c)), high: cut(Math.max(a, c)) })),
          legend: [...tones(v), { name: "random search would be here", color: "color-mix(in oklab, var(--accent) 25%, var(--surface))" }], note,
        }),
        scatter("progress-time", `${d.metric} by time`, clip(points((t) => Date.parse(t.ended!) / 1000 - begin)), {
          x: { label: "seconds since the job began" }, y: { label: null, domain }, steps: true, height: 300,
          line: (() => {
            let b: number | null = null;
            return [...v.measured].sort((p, q) => Date.parse(p.ended!) - Date.parse(q.ended!)).flatMap((t) => {
              if (b === null || better(d, t.value!, b)) b = t.value!;
              return inside(b) ? [{ x: Date.parse(t.ended!) / 1000 - begin, y: b }] : [];
            });
          })(),
        }));
    })],
  });
}

// A parameter's value on an axis from 0 to 1.
function unit(p: TuningParameter, value: number): number {
  if (p.values) return p.values.length > 1 ? value / (p.values.length - 1) : 0.5;
  const t = (v: number) => (p.scale === "log" ? Math.log(v) : p.scale === "reverse-log" ? -Math.log1p(-v) : v);
  return p.max! > p.min! ? (t(value) - t(p.min!)) / (t(p.max!) - t(p.min!)) : 0.5;
}

function parallelSection(all: View[]): HTMLElement {
  return section({
    id: "parallel", title: "Parallel coordinates",
    intro: "A line for each trial, the better the stronger. Drag along an axis to keep the trials that pass there; a click on it lets all pass again.",
    body: [each(all, (v) => {
      const axes = [...v.d.parameters.map((p, j) => ({
        name: p.name,
        at: (t: TuningTrial) => unit(p, t.config[j]),
        text: (u: number) => (p.values ? p.values[Math.round(u * (p.values.length - 1))] : u === 0 ? num(p.min) : u === 1 ? num(p.max) : ""),
        ticks: p.values ? p.values.map((_, i) => (p.values!.length > 1 ? i / (p.values!.length - 1) : 0.5)) : [0, 1],
      }))];
      const values = v.measured.map((t) => t.value!).sort((a, b) => a - b);
      const low = values[0], high = values[values.length - 1];
      // By rank: one outlier must not make all others the same.
      const rank = new Map(values.map((x, i) => [x, values.length > 1 ? i / (values.length - 1) : 0.5]));
      axes.push({ name: v.d.metric, at: (t) => rank.get(t.value!) ?? 0.5, text: (u) => (u === 0 ? num(low) : u === 1 ? num(high) : ""), ticks: [0, 1] });
      const brushes: ([number, number] | null)[] = axes.map(() => null);
      const said = h("p", { class: "note", id: "parallel-kept" });
      const passes = (t: TuningTrial) => axes.every((a, i) => !brushes[i] || (a.at(t) >= brushes[i]![0] - 1e-9 && a.at(t) <= brushes[i]![1] + 1e-9));
      const f = figure("parallel-coordinates", "", (width) => {
        const height = 310, top = 46, bottom = 26, left = 40, right = 60;
        const x = (i: number) => left + (axes.length === 1 ? 0 : (i * (Math.max(width, axes.length * 74) - left - right)) / (axes.length - 1));
        const y = (u: number) => height - bottom - u * (height - top - bottom);
        const ns = "http://www.w3.org/2000/svg";
        const make = (tag: string, attributes: Record<string, string | number>, text?: string) => {
          const e = document.createElementNS(ns, tag);
          for (const [k, w] of Object.entries(attributes)) e.setAttribute(k, String(w));
          if (text !== undefined) e.textContent = text;
          return e;
        };
        const total = Math.max(width, axes.length * 74);
        const svg = make("svg", { width: total, height, viewBox: `0 0 ${total} ${height}`, class: "parallel" });
        const kept = v.measured.filter(passes);
        const goodness = (t: TuningTrial) => { const r = rank.get(t.value!) ?? 0; return v.d.maximize ? r : 1 - r; };
        const order = [...v.measured].sort((a, b) => goodness(a) - goodness(b));
        for (const t of order) {
          const on = passes(t);
          const path = make("path", {
            d: axes.map((a, i) => `${i ? "L" : "M"}${x(i).toFixed(1)},${y(a.at(t)).toFixed(1)}`).join(""), fill: "none",
            stroke: !on ? "var(--line)" : t === v.best ? "var(--good)" : `color-mix(in oklab, var(--accent) ${Math.round(15 + 85 * goodness(t) ** 2)}%, var(--line))`,
            "stroke-width": t === v.best && on ? 3 : 1.3, "stroke-opacity": on ? 0.9 : 0.5, "data-kept": on ? 1 : 0,
          });
          path.append(make("title", {}, title(v, t)));
          svg.append(path);
        }
        axes.forEach((a, i) => {
          svg.append(make("line", { x1: x(i), x2: x(i), y1: y(0), y2: y(1), stroke: "var(--muted)", "stroke-width": 1 }));
          svg.append(make("text", { x: x(i), y: i % 2 ? 12 : 24, "text-anchor": "middle", fill: "var(--text)", "font-size": 12, "font-weight": 600 }, a.name.length > 18 ? `${a.name.slice(0, 17)}…` : a.name));
          a.ticks.forEach((u) => svg.append(make("text", { x: x(i) + 5, y: y(u) + (u === 0 ? 14 : u === 1 ? -2 : 4), fill: "var(--muted)", "font-size": 11 }, a.text(u))));
          const brush = brushes[i];
          if (brush) svg.append(make("rect", { x: x(i) - 7, width: 14, y: y(brush[1]), height: Math.max(2, y(brush[0]) - y(brush[1])), fill: "var(--accent)", "fill-opacity": 0.25, stroke: "var(--accent)" }));
          const grip = make("rect", { x: x(i) - 14, width: 28, y: y(1) - 6, height: y(0) - y(1) + 12, fill: "transparent", class: "grip", "data-axis": a.name });
          const at = (e: PointerEvent) => { const box = svg.getBoundingClientRect(); return Math.max(0, Math.min(1, (height - bottom - (e.clientY - box.top) * (height / box.height)) / (height - top - bottom))); };
          grip.addEventListener("pointerdown", (down) => {
            const from = at(down as PointerEvent);
            const up = (e: Event) => {
              document.removeEventListener("pointerup", up);
              const to = at(e as PointerEvent);
              brushes[i] = Math.abs(to - from) < 0.02 ? null : [Math.min(from, to), Math.max(from, to)];
              f.redraw();
            };
            document.addEventListener("pointerup", up);
            down.preventDefault();
          });
          svg.append(grip);
        });
        said.textContent = `${kept.length} of ${plural(v.measured.length, "trial")} pass${brushes.some(Boolean) && kept.length ? `: the best of them is trial ${[...kept].sort((a, b) => goodness(b) - goodness(a))[0].number}` : ""}.`;
        return h("div", { class: "wide" }, svg as unknown as HTMLElement);
      });
      return h("div", {}, f.element, said);
    })],
  });
}

// --- what mattered ---

function importanceSection(all: View[]): HTMLElement {
  return section({
    id: "importance", title: "Which hyperparameters mattered",
    intro: "fANOVA: the share of the objective's variance over the whole space that is a parameter's own. PED-ANOVA: what set the best tenth of the trials apart from the others, as a share. The whiskers are one deviation over the forest's trees, and 10 to 90 % over resampled trials.",
    body: [each(all, (v) => {
      const ranked = v.d.parameters.filter((p) => p.global && p.local);
      if (ranked.length === 0) {
        return card("", h("p", { id: "too-few" }, `Too few: ${plural(v.d.measured, "trial")} with a value, or all with the same one. From 20 on this is computed.`));
      }
      ranked.sort((a, b) => b.global![0] - a.global![0]);
      const groups = [{ name: "whole space (fANOVA)", color: "var(--c1)" }, { name: "best tenth (PED-ANOVA)", color: "var(--c2)" }];
      const rows: BarRow[] = ranked.flatMap((p) => [
        { name: p.name, group: groups[0].name, value: p.global![0], low: p.global![1], high: p.global![2] },
        { name: p.name, group: groups[1].name, value: p.local![0], low: p.local![1], high: p.local![2] },
      ]);
      const pairs = v.d.pairs.filter((p) => p[2] >= 0.005).slice(0, 8);
      return grid(
        bars("importance", "Importance", rows, { groups, format: (x) => percent(x, 0), tick: "%" }),
        pairs.length
          ? bars("interactions", "Two parameters together, beyond their own", pairs.map((p) => ({ name: `${p[0]} × ${p[1]}`, value: p[2], low: p[3], high: p[4] })), { format: (x) => percent(x, 1), tick: "%" })
          : card("Two parameters together", h("p", { class: "quiet" }, "No two of them share more than 0.5 % of the variance beyond their own.")));
    })],
  });
}

function parametersSection(all: View[]): HTMLElement {
  return section({
    id: "parameters", title: "Each hyperparameter",
    intro: "Points are trials. The line is the expected objective with the others averaged over their ranges, the band one deviation of that mean, under a Gaussian process over all trials.",
    body: [each(all, (v) => {
      const values = v.measured.map((t) => t.value!).sort((a, b) => (better(v.d, a, b) ? -1 : 1));
      const edge = values[Math.floor(0.9 * (values.length - 1))], top = values[0];
      const limit = Math.abs(values[values.length - 1] - top) > 4 * Math.abs(edge - top) && edge !== top ? edge + (edge - top) * 0.5 : null;
      const cut = (y: number) => (limit !== null && better(v.d, limit, y) ? limit : y);
      const order = [...v.d.parameters.keys()].sort((a, b) => (v.d.parameters[b].global?.[0] ?? 0) - (v.d.parameters[a].global?.[0] ?? 0));
      return grid(...order.map((j) => {
        const p = v.d.parameters[j];
        const name = (x: number): number | string => (p.values ? p.values[x] : x);
        return scatter(`parameter-${p.name}`, p.name, v.measured.filter((t) => cut(t.value!) === t.value).map((t) => ({
          x: name(t.config[j]), y: t.value!, color: tone(v, t), big: t === v.best, faint: stopped(t), title: title(v, t),
        })), {
          x: { label: null, log: p.scale === "log" && !p.values, categories: Boolean(p.values), domain: p.values ?? [p.min!, p.max!] },
          y: { label: v.d.metric },
          line: p.marginal?.at.map((x, i) => ({ x: name(x), y: cut(p.marginal!.mean[i]) })),
          band: p.marginal?.at.map((x, i) => ({ x: name(x), low: cut(p.marginal!.low[i]), high: cut(p.marginal!.high[i]) })),
          height: 220,
        });
      }));
    })],
  });
}

// --- curves ---

function curvesSection(all: View[]): HTMLElement {
  return section({
    id: "curves", title: "Learning curves",
    intro: "The objective as each trial reported it, round by round. The strong line is the best trial; lines that end early were stopped.",
    body: [each(all, (v) => {
      const some = v.trials.filter((t) => t.curve.length > 1);
      const best = v.best;
      const gap = best?.trainingCurve && best.curve.length > 1;
      const pairs = v.measured.map((t) => ({ t, train: t.trainingCurve?.[t.trainingCurve.length - 1]?.[1] })).filter((p) => p.train !== undefined);
      return h("div", {},
        lines("curves", `${v.d.metric} of all trials`, some.map((t) => ({
          name: `trial ${t.number}`, points: t.curve, color: t === best ? "var(--good)" : stopped(t) ? "var(--c2)" : "var(--c1)", faint: t !== best,
        })), { x: { label: "round" }, y: { label: null },
          legend: [{ name: "best", color: "var(--good)" }, { name: "others", color: "var(--c1)" }, ...(some.some(stopped) ? [{ name: "stopped early", color: "var(--c2)" }] : [])] }),
        grid(
          gap ? lines("curves-best", `Trial ${best!.number}, training and validation`, [
            { name: "training rows", points: best!.trainingCurve!, color: "var(--train)" },
            { name: v.d.metric, points: best!.curve, color: "var(--good)" },
          ], { x: { label: "round" }, y: { label: null }, height: 240, legend: [{ name: "training rows", color: "var(--train)" }, { name: v.d.metric, color: "var(--good)" }] }) : null,
          pairs.length > 1 ? scatter("gap", "Training against validation", pairs.map(({ t, train }) => ({ x: train!, y: t.value!, color: tone(v, t), big: t === v.best, title: title(v, t) })),
            { x: { label: "training rows" }, y: { label: v.d.metric }, height: 240, note: "Far to the side of the better training value without a better validation value: overfitted." }) : null));
    })],
  });
}

function tradeSection(all: View[]): HTMLElement {
  return section({
    id: "trade", title: "Objective against size and time",
    intro: "The marked trials are not beaten in both: no other one is better and has a smaller model.",
    body: [each(all, (v) => {
      const front = new Set(v.d.pareto.map((n) => v.m.trials[n]));
      const sized = v.measured.filter((t) => t.modelBytes !== undefined);
      const timed = v.measured.filter((t) => (t.seconds ?? 0) > 0);
      const points = (list: TuningTrial[], x: (t: TuningTrial) => number): Point[] => list.map((t) => ({
        x: x(t), y: t.value!, color: front.has(t) ? "var(--c5)" : "var(--c1)", faint: !front.has(t), big: front.has(t), title: `${title(v, t)}\n${bytes(t.modelBytes)}, ${duration(t.seconds ?? NaN)}` }));
      return grid(
        sized.length > 1 ? scatter("size", "Size of model.tar.gz", points(sized, (t) => t.modelBytes! / 1000), { x: { label: "kB", log: true }, y: { label: v.d.metric },
          legend: [{ name: "not beaten", color: "var(--c5)" }, { name: "others", color: "var(--c1)" }] }) : null,
        timed.length > 1 ? scatter("time", "Time of the trial", points(timed, (t) => t.seconds!), { x: { label: "seconds" }, y: { label: v.d.metric } }) : null);
    })],
  });
}

// --- the table ---

function trialsSection(m: TuningModel, all: View[]): HTMLElement {
  const names = [...new Set(m.definitions.flatMap((d) => d.parameters.map((p) => p.name)))];
  const metrics = [...new Set(m.trials.flatMap((t) => Object.keys(t.metrics)))].filter((n) => !m.definitions.every((d) => d.metric === n)).slice(0, 6);
  const value = (t: TuningTrial, name: string): string | number | null => {
    const text = t.tuned[name];
    if (text === undefined) return null;
    return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  };
  const detail = h("div", { id: "trial-detail" });
  let picked: TuningTrial | null = null;
  const made = dataTable("trials-table", m.trials, [
    { title: "trial", number: true, value: (t) => t.number },
    ...(all.length > 1 ? [{ title: "definition", value: (t: TuningTrial) => m.definitions[t.definition].name }] : []),
    { title: "status", value: (t) => t.status, cell: (t) => h("span", { class: "status nowrap", "data-level": failed(t) ? "problem" : t.status === "Completed" ? "good" : "notice" }, t.status) },
    { title: all.length === 1 ? m.definitions[0].metric : "objective", number: true, value: (t) => t.value },
    ...names.map((n) => ({ title: n, number: m.trials.every((t) => typeof value(t, n) !== "string"), value: (t: TuningTrial) => value(t, n) })),
    ...metrics.map((n) => ({ title: n, number: true, value: (t: TuningTrial) => t.metrics[n] ?? null })),
    { title: "rounds", number: true, value: (t) => t.rounds },
    { title: "seconds", number: true, value: (t) => t.seconds },
    { title: "model", number: true, hint: "bytes of model.tar.gz", value: (t) => t.modelBytes ?? null, cell: (t) => bytes(t.modelBytes) },
    ...(m.trials.some((t) => t.origin) ? [{ title: "suggested by", value: (t: TuningTrial) => ORIGINS[t.origin ?? ""] ?? t.origin ?? null }] : []),
    { title: "name", value: (t) => t.name, cell: (t) => h("a", { class: "nowrap", href: `#${t.name}` }, t.name) },
  ], {
    file: `${m.job.name}-trials.csv`, find: "Find a trial", first: 20, marked: (t) => t === picked || (picked === null && m.best !== null && t === m.trials[m.best]),
    sort: { column: all.length > 1 ? 3 : 2, descending: m.definitions[0].maximize },
    select: (t) => { picked = t; made.redraw(); show(t); },
  });
  const show = (t: TuningTrial) => {
    const d = m.definitions[t.definition];
    const facts: [string, string][] = [
      ...(t.origin ? [["suggested by", ORIGINS[t.origin] ?? t.origin] as [string, string]] : []),
      ["status", t.message ? `${t.status}: ${t.message}` : t.status], ...(t.failureReason ? [["failed with", t.failureReason] as [string, string]] : []),
      [d.metric, num(t.value, 7)], ...(t.folds ? [["folds", `${t.folds.map((f) => num(f, 5)).join(", ")} (standard error ${num(t.standardError, 2)})`] as [string, string]] : []),
      ["took", duration(t.seconds ?? NaN)], ["model", t.model ? `${t.model} (${bytes(t.modelBytes)})` : "none"],
      ...Object.entries(t.metrics).map(([k, x]) => [k, num(x, 6)] as [string, string]),
      ...Object.entries(t.tuned),
    ];
    detail.replaceChildren(card(`Trial ${t.number}: ${t.name}`, h("div", { class: "grid" },
      table(facts, [{ title: "", cell: (f) => f[0] }, { title: "", cell: (f) => f[1] }]),
      h("div", {},
        t.curve.length > 1 ? lines("trial-curve", `${d.metric} by round`, [{ name: d.metric, points: t.curve, color: "var(--accent)" },
          ...(t.trainingCurve ? [{ name: "training rows", points: t.trainingCurve, color: "var(--train)" }] : [])], { x: { label: "round" }, height: 200 }) : null,
        command("Its log, and all about it", `clary logs ${t.name}\nclary describe ${t.name}`),
        m.job.image.startsWith("xgboost") && t.status === "Completed"
          ? command("Its own training report: the same model is trained again, with one", `clary report ${t.name} --train-again --open`) : null))));
  };
  // A trial has an address: #its name.
  const linked = () => m.trials.find((t) => `#${t.name}` === location.hash);
  addEventListener("hashchange", () => {
    const t = linked();
    if (!t) return;
    picked = t;
    made.redraw();
    show(t);
    detail.scrollIntoView();
  });
  picked = linked() ?? null;
  if (m.trials.length) show(picked ?? (m.best !== null ? m.trials[m.best] : m.trials[0]));
  return section({
    id: "trials", title: "All trials",
    intro: "A click on a heading sorts, one on a row or its name shows that trial below, under an address of its own: its log and model are where the training job of its name left them. The same table is in tuning-report.csv.",
    body: [made.element, detail],
  });
}

// --- what next ---

function nextSection(m: TuningModel): HTMLElement {
  const best = m.best === null ? null : m.trials[m.best];
  const d = best ? m.definitions[best.definition] : null;
  const gain = d?.gain;
  // What all trials have, beside what is tuned.
  const statics = (): Record<string, string> => {
    try {
      const request = JSON.parse(m.request);
      const definition = request.TrainingJobDefinition ?? request.TrainingJobDefinitions?.[best?.definition ?? 0];
      return Object.fromEntries(Object.entries(definition?.StaticHyperParameters ?? {}).filter(([k]) => !k.startsWith("_tuning"))) as Record<string, string>;
    } catch {
      return {};
    }
  };
  const quote = (s: string) => (/^[\w.,:=/+-]+$/.test(s) ? s : `'${s.replaceAll("'", "'\\''")}'`);
  return section({
    id: "next", title: "What to try next",
    body: [
      gain && m.job.ended ? h("p", { class: "intro" }, `${gain.trials} more trials, chosen now by expected improvement, are expected to gain ${num(gain.mean, 3)} in ${d!.metric} (${num(gain.low, 3)} to ${num(gain.high, 3)}); each that learns from the others does better.`) : null,
      best ? grid(
        card("Use the best model", command("On the command line", `clary deploy ${best.name}`),
          command("SDK, v2", `from sagemaker.tuner import HyperparameterTuner\ntuner = HyperparameterTuner.attach("${m.job.name}")\nprint(tuner.best_training_job())\npredictor = tuner.deploy(initial_instance_count=1, instance_type="ml.m5.xlarge")`)),
        card("See more of it", command("Train it again with a report of its own", `clary train --train TRAIN --validation VALIDATION \\\n  --rule create_xgboost_report ${Object.entries({ ...statics(), ...best.tuned }).map(([k, x]) => `-P ${quote(`${k}=${x}`)}`).join(" ")}`))) : null,
      m.nextRequest ? card("Go on from here", h("p", { class: "note" }, "A warm start from this job, with ranges widened where the best trial is at their end."),
        command("aws sagemaker create-hyper-parameter-tuning-job --cli-input-json", m.nextRequest)) : null,
      h("details", {}, h("summary", {}, "The request of this job"), h("pre", {}, (() => { try { return JSON.stringify(JSON.parse(m.request), null, 2); } catch { return m.request; } })()))],
  });
}

function costSection(m: TuningModel, all: View[]): HTMLElement {
  const ended = m.trials.filter((t) => t.seconds !== null && !running(t));
  const early = m.trials.filter(stopped);
  const longest = Math.max(0, ...m.trials.map((t) => t.rounds));
  const saved = early.reduce((s, t) => s + Math.max(0, longest - t.rounds), 0);
  const done = m.trials.reduce((s, t) => s + t.rounds, 0);
  const first = all[0];
  let best: number | null = null, needed = 0;
  first.measured.forEach((t) => { if (best === null || better(first.d, t.value!, best)) { best = t.value; needed = t.number; } });
  const times = ended.map((t) => t.seconds!).sort((a, b) => a - b);
  return section({
    id: "cost", title: "Cost",
    body: [tiles([
      { label: "Training time, all trials", value: duration(m.cost.trialSeconds), hint: `what would be billed; ${duration(m.cost.failedSeconds)} of it in trials that failed` },
      { label: "From begin to end", value: duration(m.cost.wallSeconds), hint: `${num(m.cost.wallSeconds > 0 ? m.cost.trialSeconds / m.cost.wallSeconds : NaN, 3)} trials at once on average, ${m.job.parallel} allowed` },
      { label: "A trial", value: duration(times.length ? times[Math.floor(times.length / 2)] : NaN), hint: times.length ? `the middle one; ${duration(times[0])} to ${duration(times[times.length - 1])}` : undefined },
      ...(needed ? [{ label: "Best one found as", value: `trial ${needed}`, hint: `of ${m.trials.length}` }] : []),
      ...(early.length ? [{ label: "Stopped early", value: count(early.length), hint: `${count(saved)} rounds not trained, ${count(done)} were` }] : []),
    ])],
  });
}

export function tuningReport(m: TuningModel): HTMLElement {
  const all = views(m);
  const some = all.some((v) => v.best);
  const withBest = all.filter((v) => v.best);
  const sections = [
    ...(some ? [bestSection(withBest), progressSection(withBest), parallelSection(withBest), importanceSection(withBest), parametersSection(withBest)] : []),
    ...(m.trials.some((t) => t.curve.length > 1) ? [curvesSection(all.filter((v) => v.trials.some((t) => t.curve.length > 1)))] : []),
    ...(some && withBest.some((v) => v.measured.length > 1) ? [tradeSection(withBest)] : []),
    ...(m.trials.length ? [trialsSection(m, all), costSection(m, all)] : []),
    nextSection(m),
  ];
  return frame({
    kind: "Tuning report",
    job: m.job,
    facts: [["Strategy", m.job.strategy], ["Algorithm", m.job.image], ["Trials at once", String(m.job.parallel)], ["Early stopping", m.job.earlyStopping ? "Auto" : ""], ["Seed", m.job.seed ?? ""]],
    verdict: m.verdict,
    overview: overview(m, all),
    sections,
    files: `Every figure of this page is in tuning-report.json, the table in tuning-report.csv beside it.${m.job.ended ? "" : " The job runs: the page is written anew while it does."}`,
  });
}
