// What the C++ side puts into the page: src/debugger/report_model.cc and profiler_report.cc,
// src/tuning/report.cc.

export type Level = "good" | "notice" | "warning" | "problem";

export interface Finding {
  level: Level;
  id: string;
  title: string;
  detail: string;
  advice: string;
  section: string;
}

export interface Verdict {
  level: Level;
  headline: string;
  summary: string;
  findings: Finding[];
}

export interface RuleStatus {
  name: string;
  rule: string;
  status: string;
  details: string;
}

// What the frame shows of any job.
export interface Head {
  name: string;
  status: string;
  started: string | null;
  ended: string | null;
  written: string;
  version: string;
}

export interface Job extends Head {
  base: string;
  failureReason: string;
  image: string;
  instance: string;
  created: string | null;
  channels: { name: string; source: string; contentType: string }[];
  rules: RuleStatus[];
  hyperparameters: Record<string, string>;
}

export interface TrainingJob extends Job {
  objective: string;
  running: boolean;
  rounds: number; // of the model
  trainedRounds: number; // more, if early stopping left some out
  trainRows: number;
  validationRows: number;
  validated: boolean; // figures are of validation rows; else of the training rows
  weighted: boolean; // the rows of the figures have weights, which only the metrics use
  leftOut: number; // rows without a finite prediction or label
  features: number;
}

export interface Series {
  name: string;
  data: string;
  metric: string;
  maximize: boolean;
  points: [round: number, value: number | null][];
  best?: [round: number, value: number];
  now?: [round: number, value: number | null]; // of the model
}

// Statistics that do not exist are null.
export type Maybe = number | null;

export type PrecisionRecallF1 = [precision: Maybe, recall: Maybe, f1: Maybe];

export interface Classification {
  classes: number;
  counts: number[]; // row: true class, column: predicted; empty if there are too many classes
  accuracy: number;
  rows: number;
  report: { id: number; scores: PrecisionRecallF1; support: number }[];
  micro: PrecisionRecallF1;
  macro: PrecisionRecallF1;
  weighted: PrecisionRecallF1;
}

export interface Curve {
  id: number;
  positives: number;
  negatives: number;
  auc: number;
  averagePrecision: number;
  roc: [number, number][];
  pr: [number, number][];
}

export interface HistogramData {
  edges: number[];
  counts: number[];
}

export interface Thresholds {
  positives: number;
  negatives: number;
  tp: number[]; // rows with a score of at least i / 1000
  fp: number[];
}

export interface Numbers {
  mae: number;
  rmse: number;
  r2: Maybe;
  mape: Maybe;
  mapeRows: number;
  medianError: number;
  maxError: number;
  bias: number;
  labelMean: number;
  labelStd: number;
  poissonDeviance?: Maybe;
  groups: [rows: number, predicted: number, observed: number][];
  scatter: [label: number, prediction: number][];
  binErrors: [low: number, high: number, rows: number, error: number | null][];
}

export interface Shap {
  rows: number;
  ofRows: number; // that were evaluated
  points: number;
  classes: number;
  pointClasses: number;
  features: {
    name: string;
    mean: number[]; // of each class
    inputs: (number | null)[]; // of each point; null is missing
    contributions: number[][]; // of each class with points, of each point
  }[];
}

export interface WorstRow {
  row: number;
  label: number;
  prediction: number;
  loss: number;
  why?: { base: number; parts: [string, number | null, number][]; rest: number };
}

export interface OtherJob {
  name: string;
  status: string;
  ended: string | null;
  metrics: Record<string, number>;
  hyperparameters: Record<string, string>;
}

export interface TrainingModel {
  kind: "training";
  task: "binary" | "multiclass" | "regression" | "count" | "ranking" | "survival";
  step: number;
  job: TrainingJob;
  verdict: Verdict;
  metrics: { series: Series[]; deciding?: string };
  classNames?: string[]; // by class
  categories?: Record<string, string[]>; // by feature: what its codes stand for
  labels?: {
    names: string[];
    edges: number[];
    validation: number[];
    train: number[];
    trainSampled: boolean;
    stability: Maybe;
  };
  classification?: Classification;
  curves?: Curve[];
  calibration?: {
    brier: number;
    error: number;
    bins: [low: number, high: number, rows: number, predicted: Maybe, observed: Maybe][];
  };
  gains?: number[];
  thresholds?: Thresholds;
  scores?: [negatives: HistogramData, positives: HistogramData];
  numbers?: Numbers;
  residuals?: HistogramData & { mean: number; std: number };
  lines?: { steps: number[]; lines: { name: string; values: (number | null)[] }[] };
  grades?: [grade: number, rows: number, p5: number, p25: number, p50: number, p75: number, p95: number][];
  survival?: {
    concordance: Maybe;
    groups: { name: string; rows: number; curve: [number, number][] }[];
  };
  importance?: Record<string, [string, number][]>;
  shap?: Shap;
  worst?: { rows: WorstRow[]; explained: WorstRow[] };
  trees?: { total: number; list: string[] };
  data?: {
    features: number;
    rows: [
      name: string,
      missing: number,
      mean: number | null,
      std: number | null,
      min: number | null,
      max: number | null,
      outside: number | null, // share of the validation values beyond
    ][];
  };
  comparison?: { total: number; jobs: OtherJob[] };
}

export interface TreeNode {
  f?: string | number; // feature of a split
  t?: number; // goes to y if the value is below, to n otherwise
  in?: number[]; // of a category: goes to n
  y?: number;
  n?: number;
  m?: number; // if the value is missing
  g?: number;
  c?: number;
  v?: number; // of a leaf
}

export interface Tree {
  round: number;
  class: number;
  nodes: TreeNode[];
}

export interface Phase {
  name: string;
  seconds: number;
}

export interface ProfilerModel {
  kind: "profiler";
  job: Job & { running: boolean };
  verdict: Verdict;
  begin: number; // seconds since 1970; times below count from it
  seconds: number;
  jobPhases: Phase[];
  enginePhases: Phase[];
  rounds?: {
    count: number;
    mean: number; // milliseconds, as all of these
    std: number;
    min: number;
    p50: number;
    p95: number;
    p99: number;
    max: number;
    durations: [round: number, ms: number][];
    histogram: HistogramData;
    outliers: [round: number, ms: number][];
    stacked: { round: number; ms: number[] }[]; // a bar of some rounds, by phase
    phases: string[];
  };
  cores: { bucket: number; names: string[]; percent: (number | null)[][] };
  lines: { id: string; unit: string; series: { name: string; points: [number, number][] }[] }[];
  spans: { name: string; begin: number; seconds: number }[];
  usage: {
    node: string;
    metric: string;
    unit: string;
    max: number;
    p99: number;
    p95: number;
    p50: number;
    min: number;
  }[];
  memory?: { max: number; growth: number };
  rules: {
    name: string;
    description: string;
    recommendation: string;
    triggered: number;
    violations: number;
    datapoints: number;
    parameters: [string, string][];
    message: string;
  }[];
}

// tuning-report.json (docs/formats/reports.md, "Tuning"). Trials are named by their places in `trials`.
export type Share = [value: number, low: number, high: number];

export interface TuningParameter {
  name: string;
  values?: string[]; // of a category; else a range
  min?: number;
  max?: number;
  integer?: boolean;
  scale: "linear" | "log" | "reverse-log";
  default?: string;
  edge?: number; // -1, 1: the best value is at that end of the range
  local?: Share; // PED-ANOVA
  global?: Share; // fANOVA
  marginal?: { at: number[]; mean: number[]; low: number[]; high: number[] };
}

export interface TuningDefinition {
  name: string;
  metric: string;
  maximize: boolean;
  measured: number;
  best: number | null;
  standard: number | null; // the trial with the algorithm's defaults
  equal: number[];
  equalBy: "folds" | "surrogate";
  smallest: number | null;
  pareto: number[];
  parameters: TuningParameter[];
  pairs: [a: string, b: string, value: number, low: number, high: number][];
  noise: number;
  gain: { trials: number; mean: number; low: number; high: number } | null;
  band: [better: number, middle: number, worse: number][];
}

export interface TuningTrial {
  number: number;
  name: string;
  definition: number;
  status: string;
  origin?: string;  // who suggested it: "default", "portfolio", "parent", "rounds", "sobol", "grid", "model", "density"
  message?: string;
  failureReason?: string;
  created: string | null;
  started: string | null;
  ended: string | null;
  seconds: number | null;
  value: number | null;
  folds?: number[];
  standardError?: number;
  config: number[];
  tuned: Record<string, string>;
  metrics: Record<string, number>;
  model?: string;
  modelBytes?: number;
  rounds: number;
  curve: [number, number][];
  trainingCurve?: [number, number][];
}

export interface TuningModel {
  kind: "tuning";
  job: Head & {
    failureReason: string;
    image: string;
    instance: string;
    created: string | null;
    arn: string;
    region: string;
    strategy: string;
    earlyStopping: boolean;
    output: string;
    most: number;
    parallel: number;
    seed: string | null;
  };
  verdict: Verdict;
  best: number | null;
  cost: { wallSeconds: number; trialSeconds: number; failedSeconds: number };
  definitions: TuningDefinition[];
  trials: TuningTrial[];
  request: string;
  nextRequest: string;
}

export type Model = TrainingModel | ProfilerModel | TuningModel;
