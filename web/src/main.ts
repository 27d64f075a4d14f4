import "./style.css";
import { clarifyReport } from "./clarify";
import type { ClarifyModel } from "./clarify_model";
import type { Model } from "./model";
import { profilerReport } from "./profiler";
import { trainingReport } from "./training";

const model = JSON.parse(document.getElementById("model")!.textContent!) as Model | ClarifyModel;
const page = model.kind === "training" ? trainingReport(model)
  : model.kind === "clarify" ? clarifyReport(model)
  : profilerReport(model);
document.getElementById("app")!.replaceChildren(page);
