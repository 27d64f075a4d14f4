// What src/clarify/report.cc puts into the page.
import type { Job, Verdict } from "./model";

type Value = number | "Infinity" | "-Infinity" | null;

export interface ClarifyMetric {
  stage: "pre" | "post";
  facet: string;
  group: string;
  name: string;
  description: string;
  value: Value;
  error: string;
  low: Value;
  high: Value;
  last: Value; // of the run before with this configuration
  parity?: number;
  question?: string;
  above?: string;
  below?: string;
}

export interface GroupRates {
  facet: string;
  of: string;
  group: string;
  rows: number;
  label_rate: number | null;
  predicted_rate?: number | null;
  accuracy?: number | null;
  precision?: number | null;
  recall?: number | null;
  false_positive_rate?: number | null;
  false_negative_rate?: number | null;
  confusion?: [number, number, number, number]; // labels negative: rejected, accepted; labels positive: likewise
  calibration?: number; // mean of scores less outcomes
  calibration_half_95?: number;
}

export interface ThresholdCurves {
  bins: number; // bin b holds the scores in (b / bins, (b + 1) / bins]
  rest: { negative: number[]; positive: number[] };
  facet: { negative: number[]; positive: number[] };
}

interface Cell {
  group: string;
  values: string[]; // of the set's columns, in their order
  rows: number;
  label_rate: number | null;
  predicted_rate?: number | null;
  small: boolean;
  DPL?: { value: Value; interval_95?: [Value, Value] };
  DPPL?: { value: Value; interval_95?: [Value, Value] };
  DI?: { value: Value; interval_95?: [Value, Value] };
}

interface Segment {
  segment: string;
  rows: number;
  facets: {
    facet: string;
    value_or_threshold: string;
    pre_training_bias_metrics?: { name: string; value: Value }[];
    post_training_bias_metrics?: { name: string; value: Value }[];
  }[];
}

export interface ClarifyShap {
  texts: { feature: string; output: number; units: [text: string, value: number, rows: number][] }[];
  method: string;
  unit: string;
  aggregation: string;
  seed: number;
  coalitions: [number, number, number]; // of a row: fewest, middle, most
  outputs: string[];
  expected: number[];
  explained: number;
  shown: number[]; // which rows
  features: {
    name: string;
    text: boolean;
    global: number[];
    error: number[];
    contributions: number[][]; // by output, a shown row each
    values: (number | string | null)[];
  }[];
  baseline: string[][];
  byFacet: { facet: string; group: string; features: [string, number][] }[];
}

export interface Dependence {
  name: string;
  categorical: boolean;
  values: (number | string)[];
  shares: number[];
  means: number[][];
  curves: number[][];
}

export interface ClarifyModel {
  kind: "clarify";
  job: Job;
  verdict: Verdict;
  title: string;
  dataset: string;
  rows: number;
  features: number;
  warnings: string[];
  compared: boolean; // with a run before
  threshold: number;
  label: { name: string; rows: number; positive_rows: number; predicted_positive_rows?: number } | null;
  metrics: ClarifyMetric[];
  groups: GroupRates[];
  thresholds: { facet: string; group: string; curves: ThresholdCurves }[];
  intersections: { columns: string; cells: Cell[] }[];
  segments: { config_name: string; segments: Segment[] }[];
  shap: ClarifyShap | null;
  pdp: Dependence[];
  config: string;
}
