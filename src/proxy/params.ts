/** Parameters that clients send as text: Go's spellings of booleans, integers, and JSON objects of numbers. */

import { invalidParameter } from "../base/errors.ts";

const TRUE: ReadonlySet<string> = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE: ReadonlySet<string> = new Set(["0", "f", "F", "FALSE", "false", "False", ""]);

/** Absent is false. */
export function booleanParam(params: ReadonlyMap<string, string>, key: string): boolean {
  const text = params.get(key) ?? "";
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw invalidParameter(`parse ${key.replaceAll("_", " ")} field failed, value: ${text}`);
}

export function integerParam(params: ReadonlyMap<string, string>, key: string, absent: number): number {
  const text = params.get(key);
  if (text === undefined || text === "") return absent;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) throw invalidParameter(`${key} [${text}] is invalid`);
  return value;
}

/** The JSON object under `params`, and the flat parameters where it says nothing. */
export function jsonParams(params: ReadonlyMap<string, string>): ReadonlyMap<string, unknown> {
  const merged = new Map<string, unknown>();
  for (const [key, entry] of params) merged.set(key, entry);
  merged.delete("params");
  const text = params.get("params") ?? "";
  if (text === "") return merged;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidParameter(`the search params are not a JSON object: ${text}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidParameter(`the search params are not a JSON object: ${text}`);
  }
  for (const [key, entry] of Object.entries(value)) merged.set(key, entry);
  return merged;
}

/** A number, also as text; null when absent. */
export function numberParam(params: ReadonlyMap<string, unknown>, key: string): number | null {
  const entry = params.get(key);
  if (entry === undefined || entry === null || entry === "") return null;
  const value = typeof entry === "string" ? Number(entry) : entry;
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw invalidParameter(`Type conflict in json: param '${key}' (${JSON.stringify(entry)}) should be a number`);
  }
  return value;
}
