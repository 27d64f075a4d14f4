import "./style.css";
import { clarifyReport } from "./clarify";
import type { ClarifyModel } from "./clarify_model";
import type { Model } from "./model";
import { profilerReport } from "./profiler";
import { trainingReport } from "./training";
import { tuningReport } from "./tuning";

const model = JSON.parse(document.getElementById("model")!.textContent!) as Model | ClarifyModel;
const draw = (m: Model | ClarifyModel): HTMLElement => {
  switch (m.kind) {
    case "training": return trainingReport(m);
    case "profiler": return profilerReport(m);
    case "clarify": return clarifyReport(m);
    case "tuning": return tuningReport(m);
  }
};
const page = draw(model);
document.getElementById("app")!.replaceChildren(page);
