/**
 * The parameters of an index, as clients send them (flat, or as JSON under `params`), to the flat list that is kept and told back.
 *
 * Every known index type is accepted and kept as given; which of them are built, and how, is the index room's.
 */

import { invalidParameter, milvusError, unexpectedParameter } from "../base/errors.ts";
import { type FieldSchema, type KeyValue } from "../model/schema.ts";
import { DataType, Metric, dataTypeName, isVectorType } from "../model/types.ts";

const FLOAT_INDEXES: ReadonlySet<string> = new Set([
  "AUTOINDEX",
  "FLAT",
  "IVF_FLAT",
  "IVF_SQ8",
  "IVF_PQ",
  "IVF_RABITQ",
  "SCANN",
  "HNSW",
  "HNSW_SQ",
  "HNSW_PQ",
  "HNSW_PRQ",
  "DISKANN",
]);
const GPU_INDEXES: Readonly<Record<string, string>> = {
  GPU_BRUTE_FORCE: "FLAT",
  GPU_IVF_FLAT: "IVF_FLAT",
  GPU_IVF_PQ: "IVF_PQ",
  GPU_CAGRA: "HNSW",
};
const SCALAR_INDEXES: ReadonlySet<string> = new Set(["AUTOINDEX", "INVERTED", "STL_SORT", "TRIE", "BITMAP", "NGRAM"]);
const FLOAT_METRICS: ReadonlySet<string> = new Set(Object.values(Metric));
const MAX_PARAM_BYTES = 102_400;

export function indexParams(field: FieldSchema, given: readonly KeyValue[]): KeyValue[] {
  const params = flattened(given);
  const bytes = params.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  if (bytes > MAX_PARAM_BYTES)
    throw invalidParameter(`index params are too large: ${bytes} bytes, at most ${MAX_PARAM_BYTES} are allowed`);
  return isVectorType(field.dataType) ? vectorParams(field, params) : scalarParams(field, params);
}

function vectorParams(field: FieldSchema, params: readonly KeyValue[]): KeyValue[] {
  const type = value(params, "index_type") || "AUTOINDEX";
  const cpuType = GPU_INDEXES[type];
  if (cpuType !== undefined) {
    throw milvusError("IndexNotSupported", `GPU indexes are not built here; create the index as ${cpuType} instead`, {
      indexType: type,
    });
  }
  if (!FLOAT_INDEXES.has(type)) {
    if (SCALAR_INDEXES.has(type) || /^(BIN_|SPARSE_|MINHASH)/.test(type)) {
      throw invalidParameter(`data type ${dataTypeName(field.dataType)} can't build with this index ${type}`);
    }
    throw unexpectedParameter("valid index", `invalid index type: ${type}`);
  }
  const metric = value(params, "metric_type").toUpperCase() || Metric.COSINE;
  if (!FLOAT_METRICS.has(metric)) {
    throw invalidParameter(`float vector index does not support metric type: ${value(params, "metric_type")}`);
  }
  const rest = params.filter(({ key }) => key !== "index_type" && key !== "metric_type");
  if (type === "AUTOINDEX" && rest.some(({ key }) => key !== "mmap.enabled" && key !== "warmup")) {
    throw invalidParameter("only metric type can be passed when use AutoIndex");
  }
  if (type === "IVF_PQ") checkDivides(field, rest);
  return [{ key: "index_type", value: type }, { key: "metric_type", value: metric }, ...rest];
}

function scalarParams(field: FieldSchema, params: readonly KeyValue[]): KeyValue[] {
  const type = value(params, "index_type").toUpperCase() || "AUTOINDEX";
  if (!SCALAR_INDEXES.has(type)) {
    if (FLOAT_INDEXES.has(type))
      throw invalidParameter(`data type ${dataTypeName(field.dataType)} can't build with this index ${type}`);
    throw unexpectedParameter("valid index", `invalid index type: ${value(params, "index_type")}`);
  }
  if (type === "TRIE" && field.dataType !== DataType.VarChar)
    throw invalidParameter("TRIE are only supported on VarChar field");
  return [{ key: "index_type", value: type }, ...params.filter(({ key }) => key !== "index_type")];
}

function checkDivides(field: FieldSchema, params: readonly KeyValue[]): void {
  const m = Number(value(params, "m"));
  if (Number.isInteger(m) && m > 0 && field.dimension % m !== 0) {
    throw invalidParameter(
      `The dimension of the vector (dim) should be a multiple of the number of subquantizers (m). m: ${m} should divide the dim(${field.dimension})`,
    );
  }
}

function flattened(given: readonly KeyValue[]): KeyValue[] {
  const flat: KeyValue[] = [];
  const add = (key: string, text: string): void => {
    if (flat.some((entry) => entry.key === key && entry.value !== text)) {
      throw invalidParameter(`duplicated index param (key=${key}) (value=${text}) found`);
    }
    if (!flat.some((entry) => entry.key === key)) flat.push({ key, value: text });
  };
  for (const { key, value: text } of given) {
    if (key !== "params") {
      add(key, text);
      continue;
    }
    let nested: unknown;
    try {
      nested = JSON.parse(text === "" ? "{}" : text);
    } catch {
      throw invalidParameter(`index params are not a JSON object: ${text}`);
    }
    if (typeof nested !== "object" || nested === null || Array.isArray(nested)) {
      throw invalidParameter(`index params are not a JSON object: ${text}`);
    }
    for (const [name, entry] of Object.entries(nested))
      add(name, typeof entry === "string" ? entry : JSON.stringify(entry));
  }
  return flat;
}

function value(params: readonly KeyValue[], key: string): string {
  return params.find((param) => param.key === key)?.value ?? "";
}
