// The frame of all reports: contents, head, verdict, footer.
import type { Head, Level, Verdict } from "./model";
import { duration, h, time } from "./ui";

const icons: Record<Level, string> = {
  good: "M4 12.5 9.5 18 20 7",
  notice: "M12 8v.01M12 11v6",
  warning: "M12 8v6M12 17v.01",
  problem: "M8 8l8 8M16 8l-8 8",
};

function svg(body: [string, Record<string, string>][], label: string): SVGElement {
  const ns = "http://www.w3.org/2000/svg";
  const root = document.createElementNS(ns, "svg");
  root.setAttribute("viewBox", "0 0 24 24");
  root.setAttribute("role", "img");
  root.setAttribute("aria-label", label);
  for (const [tag, attributes] of body) {
    const element = document.createElementNS(ns, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    root.append(element);
  }
  return root;
}

function icon(level: Level): SVGElement {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round" };
  const outline: [string, Record<string, string>] = level === "warning"
    ? ["path", { ...line, d: "M12 3 22.5 21h-21Z" }]
    : ["circle", { ...line, cx: "12", cy: "12", r: "10.5" }];
  return svg([outline, ["path", { ...line, d: icons[level] }]], level);
}

const statusLevel: Record<string, Level> = {
  Completed: "good", InProgress: "notice", Failed: "problem", Stopped: "warning", Stopping: "warning",
};

function seconds(job: Head): number {
  if (!job.started) return NaN;
  return (Date.parse(job.ended ?? job.written) - Date.parse(job.started)) / 1000;
}

export function verdict(v: Verdict, sections: Set<string>): HTMLElement {
  const titles: Record<string, string> = { loss: "see the curves", labels: "see the labels" };
  return h("div", { class: "verdict", "data-level": v.level, id: "verdict" },
    h("div", { class: "headline" }, icon(v.level),
      h("div", {}, h("h2", {}, v.headline), h("p", { class: "summary" }, v.summary))),
    v.findings.length === 0 ? null : h("ul", { class: "findings" },
      ...v.findings.map((f) =>
        h("li", { "data-level": f.level, "data-finding": f.id },
          h("h3", {}, f.title, sections.has(f.section)
            ? h("a", { href: `#${f.section}` }, titles[f.section] ?? "see below") : null),
          f.detail ? h("p", { class: "detail" }, f.detail) : null,
          f.advice ? h("p", { class: "advice" }, f.advice) : null))));
}

function themeButton(): HTMLElement {
  const root = document.documentElement;
  const order = ["auto", "light", "dark"];
  const text = { auto: "Colors: as the system", light: "Colors: light", dark: "Colors: dark" } as Record<string, string>;
  let at = 0;
  const button = h("button", { type: "button", click: () => {
    at = (at + 1) % order.length;
    if (order[at] === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", order[at]);
    button.textContent = text[order[at]];
  } }, text.auto);
  return h("div", { class: "theme" }, button);
}

// Marks the section being read in the contents.
function follow(nav: HTMLElement, sections: HTMLElement[]): void {
  const links = new Map(sections.map((s) => [s.id, nav.querySelector(`a[href="#${s.id}"]`)]));
  const seen = new Set<string>();
  const observer = new IntersectionObserver((entries) => {
    for (const e of entries) e.isIntersecting ? seen.add(e.target.id) : seen.delete(e.target.id);
    const current = sections.find((s) => seen.has(s.id))?.id;
    for (const [id, link] of links) {
      id === current ? link?.setAttribute("aria-current", "true") : link?.removeAttribute("aria-current");
    }
  }, { rootMargin: "0px 0px -70% 0px" });
  for (const s of sections) observer.observe(s);
}

export function frame(options: {
  kind: string;
  job: Head;
  facts: [string, string][];
  verdict: Verdict;
  overview: HTMLElement;
  sections: HTMLElement[];
  files: string;
}): HTMLElement {
  const { job, sections } = options;
  const logo = svg([
    ["path", { d: "M3 19h18", fill: "none", stroke: "currentColor", "stroke-width": "1.6", "stroke-linecap": "round", opacity: ".4" }],
    ["path", { d: "M3 16.5c4 0 4.5-11 9-11s3.500 7 9 7", fill: "none", stroke: "var(--accent)", "stroke-width": "2.2", "stroke-linecap": "round" }],
  ], "Clary");
  const nav = h("nav", { "aria-label": "Contents" },
    h("div", { class: "brand" }, logo, "Clary"),
    h("ol", {}, ...sections.map((s) =>
      h("li", {}, h("a", { href: `#${s.id}` }, s.querySelector("h2")?.textContent ?? s.id)))),
    themeButton());
  const facts: [string, string][] = [
    ...options.facts,
    ["Started", time(job.started)],
    ["Took", duration(seconds(job))],
  ];
  const page = h("div", { class: "page" }, nav,
    h("main", {},
      h("header", {},
        h("p", { class: "kind" }, options.kind),
        h("h1", {}, job.name || "Job", " ",
          job.status ? h("span", { class: "pill", "data-level": statusLevel[job.status] ?? "notice" }, job.status) : null),
        h("div", { class: "facts" }, ...facts.filter(([, v]) => v && v !== "–").map(([k, v]) =>
          h("span", {}, `${k} `, h("b", {}, v))))),
      verdict(options.verdict, new Set(sections.map((s) => s.id))),
      options.overview,
      ...sections,
      h("footer", {}, `Written ${time(job.written)} by Clary ${job.version}. `, options.files)));
  follow(nav, sections);
  return page;
}
