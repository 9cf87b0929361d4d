/**
 * Checks of index parameters, with Milvus's texts: those of building come as text, those of searching as JSON.
 */

import { invalidParameter, milvusError, unexpectedParameter } from "../base/errors.ts";
import type { FieldSchema, KeyValue } from "../model/schema.ts";
import { DataType, dataTypeName, isArrayType, isVectorType } from "../model/types.ts";
import { indexMetric } from "./metrics.ts";
import { indexedPlace } from "./scalar/json-path.ts";
import {
  GPU_INDEX_TYPES,
  INDEX_TYPES,
  LIST_SEARCH,
  type IndexType,
  type ParamRule,
  type SearchRule,
  fitsVectors,
} from "./types.ts";

const MAX_PARAM_BYTES = 102_400;
/** Properties that every index may have, and that can be changed later. */
export const INDEX_PROPERTIES: ReadonlySet<string> = new Set([
  "mmap.enabled",
  "warmup",
  "indexoffsetcache.enabled",
  "index.nonEncoding",
]);

const BITMAP_TYPES: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.VarChar,
]);

/**
 * The parameters of an index as they are kept and told back: flat, the type and the metric first, the rest as given.
 *
 * @throws 1100 with Milvus's reason; 701 for an index that needs a GPU.
 */
export function buildParams(field: FieldSchema, given: readonly KeyValue[]): KeyValue[] {
  const params = flattened(given);
  const bytes = params.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > MAX_PARAM_BYTES) {
    throw invalidParameter(`index params are ${bytes} bytes large, at most ${MAX_PARAM_BYTES} are allowed`);
  }
  const rest = params.filter(({ key }) => key !== "index_type" && key !== "metric_type");
  const named = valueOf(params, "index_type");
  const type = named === "" ? "AUTOINDEX" : named;
  if (!isVectorType(field.dataType)) {
    const scalar = type.toUpperCase();
    checkRules(field, scalar, scalarIndex(field, scalar, type), rest);
    return [{ key: "index_type", value: scalar }, ...rest];
  }
  const index = vectorIndex(field, type);
  const metric = indexMetric(field, type, valueOf(params, "metric_type"));
  if (type === "AUTOINDEX" && rest.some(({ key }) => !INDEX_PROPERTIES.has(key))) {
    throw invalidParameter("only metric type can be passed when use AutoIndex");
  }
  checkRules(field, type, index, rest);
  return [{ key: "index_type", value: type }, { key: "metric_type", value: metric }, ...rest];
}

/** What a search says to an index of this type, checked; keys that the type does not know are not looked at. */
export function searchParams(
  indexType: string,
  params: ReadonlyMap<string, unknown>,
  hits: number,
  isOfLists = false,
): ReadonlyMap<string, unknown> {
  const said = new Map<string, unknown>();
  const rules = { ...INDEX_TYPES[indexType]?.search, ...(isOfLists ? LIST_SEARCH : {}) };
  for (const [key, rule] of Object.entries(rules)) {
    const given = params.get(key);
    if (given === undefined || given === "") continue;
    checkSearchParam(key, rule, given, hits);
    said.set(key, given);
  }
  return said;
}

function vectorIndex(field: FieldSchema, type: string): IndexType {
  const cpuType = GPU_INDEX_TYPES[type];
  if (cpuType !== undefined) {
    throw milvusError("IndexNotSupported", `there is no GPU here; create the index as ${cpuType}`, { indexType: type });
  }
  const index = INDEX_TYPES[type];
  if (index !== undefined && fitsVectors(index, vectorType(field))) return index;
  if (index !== undefined) {
    throw invalidParameter(`data type ${dataTypeName(field.dataType)} can't build with this index ${type}`);
  }
  throw unexpectedParameter("valid index", `invalid index type: ${type}`);
}

/** What an index is made over: of arrays, their vectors. */
function vectorType({ dataType, elementType }: FieldSchema): DataType {
  return dataType === DataType.ArrayOfVector ? elementType : dataType;
}

function scalarIndex(field: FieldSchema, scalar: string, named: string): IndexType {
  const index = INDEX_TYPES[scalar];
  if (scalar === "AUTOINDEX") return { fields: "scalar", build: {}, search: {} };
  if (index === undefined) throw unexpectedParameter("valid index", `invalid index type: ${named}`);
  if (index.fields !== "scalar") {
    throw invalidParameter(`data type ${dataTypeName(field.dataType)} can't build with this index ${named}`);
  }
  if (scalar === "TRIE" && field.dataType !== DataType.VarChar) {
    throw invalidParameter("TRIE are only supported on VarChar field");
  }
  if (scalar === "RTREE" && field.dataType !== DataType.Geometry) {
    throw invalidParameter("RTREE index can only be built on geometry field");
  }
  if (field.dataType === DataType.Geometry && scalar !== "RTREE") {
    throw invalidParameter(`${scalar} are not supported on Geometry field`);
  }
  if (field.dataType === DataType.Timestamptz && scalar === "INVERTED") {
    throw invalidParameter(`${scalar} are not supported on Timestamptz field`);
  }
  if (scalar === "STL_SORT" && (field.dataType === DataType.Bool || isArrayType(field.dataType))) {
    throw invalidParameter("STL_SORT are only supported on numeric, varchar, timestamptz or json field");
  }
  if (scalar === "BITMAP") checkBitmap(field);
  if (scalar === "NGRAM" && field.dataType !== DataType.VarChar && field.dataType !== DataType.JSON) {
    throw invalidParameter("ngram index can only be created on VARCHAR or JSON field");
  }
  return index;
}

function checkBitmap({ dataType, elementType, isPrimaryKey }: FieldSchema): void {
  if (isPrimaryKey) throw invalidParameter("create bitmap index on primary key not supported");
  const isArray = isArrayType(dataType);
  if (BITMAP_TYPES.has(isArray ? elementType : dataType)) return;
  throw invalidParameter(`bitmap index are only supported on bool, int, string${isArray ? " for array field" : ""}`);
}

function checkRules(field: FieldSchema, type: string, index: IndexType, params: readonly KeyValue[]): void {
  for (const { key, value } of params) {
    const rule = index.build[key];
    if (rule !== undefined) checkBuildParam(key, rule, value);
  }
  checkMapping(type, params);
  if (field.dataType === DataType.JSON) checkPlace(field, type, params);
  if (type === "NGRAM") checkGrams(params);
  if (type === "MINHASH_LSH") {
    const bits = Number(valueOf(params, "mh_element_bit_width") || 8);
    if (field.dimension % bits !== 0) {
      throw invalidParameter(`dim(${field.dimension}) should be a multiple of mh_element_bit_width(${bits})`);
    }
  }
  if ((type === "IVF_PQ" || type === "HNSW_PQ" || type === "HNSW_PRQ") && valueOf(params, "m") !== "") {
    const m = Number(valueOf(params, "m"));
    if (field.dimension % m !== 0) {
      throw invalidParameter(
        `The dimension of ${type === "IVF_PQ" ? "the" : "a"} vector (dim) should be a multiple of the number of subquantizers (m). m:${m} should divide the dim(${field.dimension})`,
      );
    }
  }
}

/** Files of this type are never mapped; the property may not ask for it. */
export function checkMapping(type: string, params: readonly KeyValue[]): void {
  if (type === "DISKANN" && valueOf(params, "mmap.enabled").toLowerCase() === "true") {
    throw invalidParameter(`index type ${type} does not support mmap`);
  }
}

function checkPlace(field: FieldSchema, type: string, params: readonly KeyValue[]): void {
  const cast = valueOf(params, "json_cast_type");
  if (type === "NGRAM" && cast === "")
    throw invalidParameter("JSON field with ngram index must specify json_cast_type");
  if (type === "NGRAM" && cast.toUpperCase() !== "VARCHAR") {
    throw invalidParameter("json_cast_type must be varchar for NGRAM index");
  }
  indexedPlace(field, new Map([...params.map(({ key, value }) => [key, value] as const), ["index_type", type]]));
}

function checkGrams(params: readonly KeyValue[]): void {
  const [least, most] = [valueOf(params, "min_gram"), valueOf(params, "max_gram")];
  if (least === "" || most === "") throw invalidParameter("Ngram index must specify both min_gram and max_gram");
  for (const [key, value] of [
    ["min_gram", least],
    ["max_gram", most],
  ] as const) {
    if (!/^[+-]?\d+$/.test(value)) throw invalidParameter(`${key} for Ngram index must be an integer, got: ${value}`);
  }
  if (Number(least) < 1 || Number(least) > Number(most))
    throw invalidParameter("invalid min_gram or max_gram value for Ngram index");
}

function checkBuildParam(key: string, rule: ParamRule, text: string): void {
  switch (rule.kind) {
    case "integer":
      if (!/^[+-]?\d+$/.test(text)) {
        throw invalidParameter(
          /^[+-]?\d+\.\d*$/.test(text)
            ? `wrong data type in json, key: '${key}', value: '${text}'`
            : `invalid integer value, key: '${key}', value: '${text}'`,
        );
      }
      return checkRange(key, rule, Number(text), text);
    case "float":
      if (text.trim() === "" || !Number.isFinite(Number(text))) {
        throw invalidParameter(`invalid float value, key: '${key}', value: '${text}'`);
      }
      return checkRange(key, rule, Number(text), text);
    case "boolean":
      if (!/^(true|false)$/i.test(text)) {
        throw invalidParameter(`Type conflict in json: param '${key}' ("${text}") should be a boolean`);
      }
      return;
    case "choice":
      if (!rule.values.some((value) => value.toLowerCase() === text.toLowerCase())) {
        throw invalidParameter(rule.refusal.replace("{}", text));
      }
  }
}

function checkSearchParam(key: string, rule: SearchRule, given: unknown, hits: number): void {
  if (rule.kind === "boolean" || rule.kind === "choice") return;
  // Flat parameters are text, those inside the JSON have their type.
  const value = typeof given === "string" && /^[+-]?\d+(\.\d+)?$/.test(given) ? Number(given) : given;
  const fits = rule.kind === "integer" ? Number.isInteger(value) && !isWrittenAsFloat(given) : Number.isFinite(value);
  if (!fits) {
    throw invalidParameter(
      `Type conflict in json: param '${key}' (${JSON.stringify(given)}) should be ${rule.kind === "integer" ? "integer" : "a number"}`,
    );
  }
  checkRange(key, rule, value as number, String(given));
  if (rule.atLeastHits !== undefined && (value as number) < hits) {
    throw invalidParameter(`${rule.atLeastHits}(${String(given)}) should be larger than k(${hits})`);
  }
}

function isWrittenAsFloat(given: unknown): boolean {
  return typeof given === "string" && given.includes(".");
}

function checkRange(
  key: string,
  rule: { readonly least: number; readonly most: number; readonly below?: boolean },
  value: number,
  text: string,
): void {
  if (value >= rule.least && (rule.below === true ? value < rule.most : value <= rule.most)) return;
  const range = `[${rule.least}, ${rule.most}${rule.below === true ? ")" : "]"}`;
  throw invalidParameter(`Out of range in json: param '${key}' (${text}) should be in range ${range}`);
}

/** Clients send parameters flat, or as a JSON object under `params`, or both. */
function flattened(given: readonly KeyValue[]): KeyValue[] {
  const flat = new Map<string, string>();
  const add = (key: string, value: string): void => {
    const known = flat.get(key);
    if (known !== undefined && known !== value) {
      throw invalidParameter(`duplicated index param (key=${key}) (value=${value}) found`);
    }
    flat.set(key, value);
  };
  for (const { key, value } of given) {
    if (key !== "params") add(key, value);
    else
      for (const [name, entry] of nested(value)) add(name, typeof entry === "string" ? entry : JSON.stringify(entry));
  }
  return [...flat].map(([key, value]) => ({ key, value }));
}

function nested(text: string): [string, unknown][] {
  let value: unknown;
  try {
    value = JSON.parse(text === "" ? "{}" : text);
  } catch {
    value = null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidParameter(`index params are not a JSON object: ${text}`);
  }
  return Object.entries(value);
}

function valueOf(params: readonly KeyValue[], key: string): string {
  return params.find((param) => param.key === key)?.value ?? "";
}
