import type { ProfilerModel } from "./model";
import { h } from "./ui";

export function profilerReport(m: ProfilerModel): HTMLElement {
  return h("p", {}, m.job.name);
}
