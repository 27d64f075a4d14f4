// The profiling report.
import { frame } from "./frame";
import type { Phase, ProfilerModel } from "./model";
import {
  Plot, type Tile, card, chart, choice, color, count, duration, grid, h, num, percent, plot, plural, rounds, section, shade,
  table, tiles, withLegend,
} from "./ui";

const meanings: Record<string, string> = {
  download: "fetching the channels", load: "parsing the channels into memory", rounds: "boosting",
  "rest of training": "start of the program, saving the model", upload: "storing the model and output", other: "what is left",
  binning: "cutting features into bins, once", gradient: "derivatives of the loss", histogram: "summing derivatives by bin",
  split: "finding the best splits", partition: "sending rows to children", predict: "adding the new trees to the margins",
  evaluate: "metrics", tensors: "saving tensors for Debugger", checkpoint: "writing checkpoints",
};

function overview(m: ProfilerModel): HTMLElement {
  const list: Tile[] = [{ label: "Whole job", value: duration(m.seconds) }];
  if (m.rounds) {
    list.push({ label: "Rounds", value: count(m.rounds.count) });
    list.push({ label: "A round takes", value: duration(m.rounds.p50 / 1000), hint: `95 % below ${duration(m.rounds.p95 / 1000)}` });
  }
  const cpu = m.usage.find((u) => u.metric === "CPU");
  if (cpu) list.push({ label: "CPU, each core", value: `${num(cpu.p50, 3)} %`, hint: `in the middle; 95 % below ${num(cpu.p95, 3)} %` });
  if (m.memory) list.push({ label: "Memory at most", value: `${num(m.memory.max, 3)} %`, hint: m.memory.growth > 0.1 ? `growing ${num(m.memory.growth, 2)} points a minute` : "not growing" });
  const triggered = m.rules.filter((r) => r.triggered > 0).length;
  list.push({ label: "Rules", value: triggered ? `${triggered} of ${m.rules.length}` : "none", hint: "found an issue" });
  return tiles(list);
}

const phaseColor = (name: string, i: number) => (name === "other" ? "var(--missing)" : color(i));

// Phases as one bar of the whole, and a table.
function phases(id: string, caption: string, list: Phase[]): HTMLElement {
  const total = list.reduce((a, p) => a + p.seconds, 0) || 1;
  let at = 0;
  const parts = list.map((p, i) => {
    const part = { ...p, i, from: at, to: at + p.seconds / total };
    at = part.to;
    return part;
  });
  return card(caption,
    chart(id, "", (width) => plot(width, {
      height: 64, marginLeft: 14, marginRight: 18, marginTop: 4, marginBottom: 22,
      x: { domain: [0, 1], tickFormat: "%", label: null, ticks: 5 }, y: { axis: null },
      marks: [
        Plot.barX(parts, { x1: "from", x2: "to", y: () => 0, fill: (p) => phaseColor(p.name, p.i), insetRight: 1, rx: 2, tip: true,
          title: (p) => `${p.name}\n${duration(p.seconds)}, ${percent(p.seconds / total)}` }),
        Plot.text(parts.filter((p) => p.to - p.from > 0.13), { x: (p) => (p.from + p.to) / 2, y: () => 0, text: "name", fill: "var(--surface)", fontWeight: 600 }),
      ],
    })),
    table(parts, [
      { title: "phase", cell: (p) => h("span", {}, h("i", { class: "bar", style: `width:12px;height:12px;background:${phaseColor(p.name, p.i)}` }), p.name) },
      { title: "", cell: (p) => h("span", { class: "quiet" }, meanings[p.name] ?? "") },
      { title: "time", number: true, cell: (p) => duration(p.seconds) },
      { title: "share", number: true, cell: (p) => percent(p.seconds / total) },
    ]));
}

function heatmap(m: ProfilerModel): HTMLElement | null {
  const c = m.cores;
  if (!c.names.length) return null;
  const cells = c.percent.flatMap((row, y) => row.map((v, x) => ({ x1: x * c.bucket, x2: (x + 1) * c.bucket, name: c.names[y], v })))
    .filter((d) => d.v !== null) as { x1: number; x2: number; name: string; v: number }[];
  const row = c.names.length > 32 ? 10 : 22;
  return card("Each core over time",
    chart("core-heat", "", (width) => plot(width, {
      height: 44 + c.names.length * row, marginLeft: 62, marginTop: 6,
      x: { label: "seconds", domain: [0, m.seconds] },
      y: { type: "band", domain: c.names, label: null, tickSize: 0, padding: 0.08 },
      marks: [
        Plot.barX(cells, { x1: "x1", x2: "x2", y: "name", fill: (d) => shade(0.06 + 0.94 * Math.min(1, d.v / 100), "var(--accent)"), insetRight: c.bucket * 3 > m.seconds / width ? 0 : 0.3,
          tip: true, title: (d) => `${d.name}\n${num(d.x1, 3)} to ${num(d.x2, 3)} s\n${num(d.v, 3)} %` }),
        ...m.spans.filter((s) => s.begin > 0).map((s) => Plot.ruleX([s.begin], { stroke: "var(--muted)", strokeDasharray: "2 3" })),
      ],
    })),
    h("p", { class: "note" }, "Pale: idle. Full color: 100 % busy with this job. Dashed lines: where a phase of the job begins."));
}

const titles: Record<string, string> = {
  cpu: "CPU, mean of the cores", gpu: "GPU", memory: "Memory", wait: "Waiting for disks", disk: "Disk", network: "Network",
};

function lines(m: ProfilerModel): (HTMLElement | null)[] {
  return m.lines.map((group) => {
    const data = group.series.flatMap((s, i) => s.points.map(([x, y]) => ({ x, y, i, name: s.name })));
    if (!data.length) return null;
    const isPercent = group.unit === "percent";
    const bytes = (v: number) => (v >= 1e9 ? `${num(v / 1e9, 3)} GB/s` : v >= 1e6 ? `${num(v / 1e6, 3)} MB/s` : v >= 1e3 ? `${num(v / 1e3, 3)} kB/s` : `${num(v, 3)} B/s`);
    const text = (v: number) => (isPercent ? `${num(v, 3)} %` : bytes(v));
    const top = Math.max(...data.map((d) => d.y));
    return chart(`usage-${group.id}`, titles[group.id] ?? group.id, (width) => {
      const svg = plot(width, {
        height: 210, marginLeft: isPercent ? 48 : 72,
        x: { label: "seconds", domain: [0, m.seconds] },
        y: { label: null, grid: true, zero: true, tickFormat: (v: number) => text(v), ...(isPercent ? { domain: [0, Math.max(top, group.id === "cpu" ? 100 : 1)] } : {}), ticks: 5 },
        marks: [
          ...(group.series.length === 1 ? [Plot.areaY(data, { x: "x", y: "y", fill: color(0), fillOpacity: 0.12 })] : []),
          Plot.lineY(data, { x: "x", y: "y", z: "i", stroke: (d) => color(d.i), strokeWidth: 1.8 }),
          ...(data.length < 12 ? [Plot.dot(data, { x: "x", y: "y", fill: (d) => color(d.i), r: 2.5 })] : []),
          Plot.tip(data, Plot.pointerX({ x: "x", y: "y", title: (d) => `${d.name}\n${num(d.x, 3)} s\n${text(d.y)}` })),
        ],
      });
      return group.series.length > 1 ? withLegend(svg, group.series.map((s, i) => ({ name: s.name, color: color(i) }))) : svg;
    });
  });
}

function roundsSection(m: ProfilerModel): HTMLElement {
  const r = m.rounds!;
  const out = new Set(r.outliers.map((o) => o[0]));
  const limit = r.mean + 3 * r.std;
  const phases = r.phases;
  const stacked = r.stacked.flatMap((bar, j) => bar.ms.map((ms, i) => ({ j: String(bar.round), ms, i, phase: phases[i], order: j })));
  const bars = r.histogram.counts.map((n, i) => ({ x1: r.histogram.edges[i], x2: r.histogram.edges[i + 1], n }));
  // One slow first round hides all others: the axis can end at the 99th percentile.
  let all = r.max < 3 * r.p99;
  const switchable = !all;
  const holder = h("div");
  const draw = () => {
    const top = all ? r.max * 1.05 : r.p99 * 1.3;
    holder.replaceChildren(chart("round-durations", "", (width) => plot(width, {
      height: 260,
      x: rounds, y: { label: "milliseconds", grid: true, domain: [0, top], clamp: true },
      marks: [
        Plot.ruleY(limit < top ? [limit] : [], { stroke: "var(--problem)", strokeDasharray: "4 4", strokeOpacity: 0.7 }),
        Plot.lineY(r.durations, { x: (d) => d[0], y: (d) => d[1], stroke: color(0), strokeWidth: 1, strokeOpacity: 0.5 }),
        Plot.dot(r.durations, { x: (d) => d[0], y: (d) => d[1], r: r.durations.length > 400 ? 1.5 : 2.6, fill: (d) => (out.has(d[0]) ? "var(--problem)" : color(0)), tip: true,
          title: (d) => `round ${d[0]}\n${num(d[1])} ms` }),
      ],
    })));
  };
  draw();
  return section({
    id: "rounds", title: "Rounds",
    intro: `${plural(r.count, "round")}, ${num(r.mean)} ms on average (standard deviation ${num(r.std)} ms). Slower than mean + 3 standard deviations are outliers: ${r.outliers.length ? r.outliers.slice(0, 5).map((o) => `round ${o[0]} (${num(o[1], 3)} ms)`).join(", ") : "none"}.`,
    body: [
      card("Duration of each round",
        switchable ? choice("Scale", [{ value: "most", text: "Most rounds" }, { value: "all", text: "All" }], (v) => { all = v === "all"; draw(); }) : null,
        holder),
      grid(
        chart("round-phases", "Phases of the rounds", (width) => withLegend(plot(width, {
          height: 270,
          x: { type: "band", label: "round", domain: r.stacked.map((s) => String(s.round)), padding: 0.1, tickFormat: (d: string, i: number) => (i % Math.ceil(r.stacked.length / 8) === 0 ? d : ""), tickSize: 0 },
          y: { label: "milliseconds", grid: true },
          marks: [
            Plot.barY(stacked, { x: "j", y: "ms", fill: (d) => phaseColor(d.phase, d.i), z: "i", order: "i", tip: true, title: (d) => `round ${d.j}\n${d.phase}\n${num(d.ms, 3)} ms` }),
            Plot.ruleY([0], { stroke: "var(--line)" }),
          ],
        }), phases.map((p, i) => ({ name: p, color: phaseColor(p, i) })))),
        chart("round-histogram", "How long rounds take", (width) => plot(width, {
          height: 270,
          x: { label: "milliseconds" }, y: { label: "rounds", grid: true },
          marks: [
            Plot.rectY(bars, { x1: "x1", x2: "x2", y2: "n", y1: 0, fill: shade(0.7, color(2)), tip: true, title: (d) => `${num(d.x1, 3)} to ${num(d.x2, 3)} ms\n${plural(d.n, "round")}` }),
            Plot.ruleX([r.p50, r.p95], { stroke: "currentColor", strokeDasharray: "4 3", strokeOpacity: 0.6 }),
          ],
        }), `Dashed: half of the rounds below ${num(r.p50, 3)} ms, 95 % below ${num(r.p95, 3)} ms.`)),
    ],
  });
}

function rulesSection(m: ProfilerModel): HTMLElement {
  const rows = [...m.rules].sort((a, b) => b.triggered - a.triggered);
  return section({
    id: "rules", title: "Rules",
    intro: "What each profiler rule looks for, what it found, and what to do when it triggers. Rules about GPUs and data loaders have nothing to look at in a job on processors.",
    body: [card("", table(rows, [
      { title: "rule", cell: (r) => h("b", { class: "nowrap" }, r.name) },
      { title: "looks for", cell: (r) => h("span", {}, r.description, r.triggered ? h("p", { class: "advice" }, r.recommendation) : null) },
      { title: "triggered", number: true, cell: (r) => (r.triggered ? h("span", { class: "status", "data-level": "warning" }, count(r.triggered)) : "0") },
      { title: "data points", number: true, cell: (r) => count(r.datapoints) },
      { title: "found", cell: (r) => r.message },
      { title: "parameters", cell: (r) => h("span", { class: "mono small" }, r.parameters.map(([k, v]) => `${k} ${v}`).join(", ")) },
    ]))],
  });
}

export function profilerReport(m: ProfilerModel): HTMLElement {
  const sections: HTMLElement[] = [];
  if (m.seconds > 0) {
    sections.push(section({
      id: "summary", title: "Where the time went",
      body: [grid(phases("job-phases", "The job", m.jobPhases),
        m.enginePhases.length ? phases("engine-phases", "Inside the rounds", m.enginePhases) : null)],
    }));
  }
  if (m.rounds) sections.push(roundsSection(m));
  if (m.usage.length) {
    sections.push(section({
      id: "usage", title: "Use of the machine",
      intro: "Of the job's own processes, on the cores it was given.",
      body: [heatmap(m), grid(...lines(m)), card("In numbers", table(m.usage, [
        { title: "node", cell: (u) => u.node },
        { title: "metric", cell: (u) => u.metric },
        { title: "unit", cell: (u) => u.unit },
        ...(["max", "p99", "p95", "p50", "min"] as const).map((k) => ({ title: k, number: true, cell: (u: ProfilerModel["usage"][number]) => num(u[k]) })),
      ]))],
    }));
  }
  if (m.rules.length) sections.push(rulesSection(m));
  const j = m.job;
  return frame({
    kind: "Profiling report", job: j,
    facts: [["Image", j.image], ["Instance", j.instance], ["", j.running ? "still running" : ""]],
    verdict: m.verdict, overview: overview(m), sections,
    files: "The numbers are in profiler-reports/ beside this page, and profiler-report.ipynb draws them again. This page loads nothing from a network.",
  });
}
