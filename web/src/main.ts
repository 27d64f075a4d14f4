import "./style.css";
import type { Model } from "./model";
import { profilerReport } from "./profiler";
import { trainingReport } from "./training";

const model = JSON.parse(document.getElementById("model")!.textContent!) as Model;
const page = model.kind === "training" ? trainingReport(model) : profilerReport(model);
document.getElementById("app")!.replaceChildren(page);
