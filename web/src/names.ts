// What classes and categories are called, where the job's data say so; their numbers elsewhere.
import { num } from "./ui";
import type { TrainingModel } from "./model";

let classes: string[] = [];
let categories: Record<string, string[]> = {};

// The page shows one model.
export function takeNames(model: TrainingModel): void {
  classes = model.classNames ?? [];
  categories = model.categories ?? {};
}

export const className = (k: number): string => classes[k] ?? `class ${k}`;
export const classLabel = (k: number): string => classes[k] ?? String(k);

export const isCategory = (feature: string): boolean => Object.hasOwn(categories, feature);
export function valueText(feature: string, value: number | null | undefined, digits?: number): string {
  const text = isCategory(feature) && typeof value === "number" ? categories[feature][value] : undefined;
  return text ?? num(value, digits);
}
