import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { buildParams, searchParams } from "./parameters.ts";
import { INDEX_TYPES } from "./types.ts";

const vector = { name: "v", dataType: DataType.FloatVector, dimension: 100 } as FieldSchema;
const bits = { name: "b", dataType: DataType.BinaryVector, dimension: 96 } as FieldSchema;
const text = { name: "t", dataType: DataType.VarChar, dimension: 0 } as FieldSchema;
const number = { name: "n", dataType: DataType.Int64, dimension: 0 } as FieldSchema;

function build(field: FieldSchema, params: Record<string, string>): Record<string, string> {
  const entries = Object.entries(params).map(([key, value]) => ({ key, value }));
  return Object.fromEntries(buildParams(field, entries).map(({ key, value }) => [key, value]));
}

function refused(field: FieldSchema, params: Record<string, string>, message: RegExp): void {
  assert.throws(() => build(field, params), message, JSON.stringify(params));
}

test("parameters come flat or nested and are told back flat", () => {
  assert.deepEqual(build(vector, { index_type: "HNSW", metric_type: "l2", M: "8", efConstruction: "64" }), {
    index_type: "HNSW",
    metric_type: "L2",
    M: "8",
    efConstruction: "64",
  });
  assert.deepEqual(build(vector, { index_type: "IVF_FLAT", metric_type: "IP", params: '{"nlist": 1024}' }), {
    index_type: "IVF_FLAT",
    metric_type: "IP",
    nlist: "1024",
  });
  assert.deepEqual(build(vector, {}), { index_type: "AUTOINDEX", metric_type: "COSINE" });
  assert.deepEqual(build(text, { index_type: "Trie" }), { index_type: "TRIE" });
  refused(
    vector,
    { index_type: "HNSW", M: "8", params: '{"M": 9}' },
    /duplicated index param \(key=M\) \(value=9\) found/,
  );
  refused(vector, { params: "[1]" }, /index params are not a JSON object/);
});

test("building: types, ranges and texts are Milvus's", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ index_type: "HNSW", M: "True" }, /invalid integer value, key: 'M', value: 'True': invalid parameter$/],
    [{ index_type: "HNSW", M: "[16]" }, /invalid integer value, key: 'M', value: '\[16\]': invalid parameter$/],
    [{ index_type: "HNSW", M: "-1" }, /Out of range in json: param 'M' \(-1\) should be in range \[2, 2048\]/],
    [{ index_type: "HNSW", M: "2049" }, /param 'M' \(2049\) should be in range \[2, 2048\]/],
    [{ index_type: "IVF_FLAT", nlist: "65537" }, /param 'nlist' \(65537\) should be in range \[1, 65536\]/],
    [{ index_type: "HNSW_PQ", m: "16.0" }, /wrong data type in json, key: 'm', value: '16.0'/],
    [{ index_type: "HNSW_SQ", sq_type: "SQ5" }, /invalid scalar quantizer type: invalid parameter$/],
    [
      { index_type: "IVF_RABITQ", refine_type: "PQ" },
      /invalid refine type : PQ, optional types are \[sq6, sq8, fp16, bf16, fp32, flat\]/,
    ],
    [
      { index_type: "HNSW_SQ", refine_type: "INT8" },
      /invalid refine type : INT8, optional types are \[sq4u, sq6, sq8, fp16, bf16, fp32, flat\]: invalid parameter$/,
    ],
    [
      { index_type: "HNSW_PRQ", refine_type: "1" },
      /invalid refine type : 1, optional types are \[sq6, sq8, fp16, bf16, fp32, flat\]: invalid parameter$/,
    ],
    [{ index_type: "HNSW_PRQ", nrq: "17" }, /Out of range in json: param 'nrq' \(17\) should be in range \[1, 16\]/],
    [{ index_type: "HNSW_PRQ", nrq: "[2]" }, /invalid integer value, key: 'nrq', value: '\[2\]': invalid parameter$/],
    [{ index_type: "HNSW_PRQ", nrq: "4.0" }, /wrong data type in json, key: 'nrq', value: '4.0': invalid parameter$/],
    [
      { index_type: "HNSW_PRQ", m: "7" },
      /The dimension of a vector \(dim\) should be a multiple of the number of subq/,
    ],
    [{ index_type: "SCANN", with_raw_data: "maybe" }, /should be a boolean: invalid parameter/],
    [{ index_type: "IVF_PQ", m: "7" }, /should divide the dim\(100\)/],
    [{ index_type: "AUTOINDEX", M: "8" }, /only metric type can be passed when use AutoIndex/],
    [{ index_type: "ANNOY" }, /invalid parameter\[expected=valid index\]\[actual=invalid index type: ANNOY\]/],
    [{ index_type: "BIN_FLAT" }, /data type FloatVector can't build with this index BIN_FLAT/],
    [{ index_type: "INVERTED" }, /can't build with this index INVERTED/],
    [{ index_type: "FLAT", metric_type: "HAMMING" }, /float vector index does not support metric type: HAMMING/],
    [{ index_type: "GPU_CAGRA" }, /there is no GPU here; create the index as HNSW: index type not supported/],
  ];
  for (const [params, message] of cases) refused(vector, params, message);
  const minhash = { index_type: "MINHASH_LSH" };
  for (const [params, message] of [
    [{ mh_element_bit_width: "24" }, /mh_element_bit_width should be one of \[8, 16, 32, 64\], but got 24/],
    [{ mh_element_bit_width: "64" }, /dim\(96\) should be a multiple of mh_element_bit_width\(64\)/],
    [{ mh_lsh_band: "0" }, /param 'mh_lsh_band' \(0\) should be in range \[1, 2147483647\]/],
    [
      { mh_lsh_aligned_block_size: "4095" },
      /'mh_lsh_aligned_block_size' \(4095\) should be in range \[4096, 2147483647\]/,
    ],
    [{ mh_lsh_bloom_false_positive_prob: "1.5" }, /\(1.5\) should be in range \[0, 1\]/],
    [{ mh_lsh_code_in_mem: "maybe" }, /should be a boolean/],
    [{ with_raw_data: "2" }, /should be a boolean/],
    [{ metric_type: "HAMMING" }, /metric type HAMMING not found or not supported, supported: \[MHJACCARD\]/],
  ] as const)
    refused(bits, { ...minhash, ...params }, message);
  assert.equal(build(bits, { ...minhash, mh_lsh_code_in_mem: "true" })["metric_type"], "MHJACCARD");
  refused(vector, minhash, /data type FloatVector can't build with this index MINHASH_LSH/);
  refused(number, { index_type: "TRIE" }, /TRIE are only supported on VarChar field/);
  refused(
    number,
    { index_type: "NGRAM", min_gram: "2", max_gram: "3" },
    /can only be created on VARCHAR or JSON field/,
  );
  refused(text, { index_type: "NGRAM", min_gram: "2" }, /must specify both min_gram and max_gram/);
  refused(text, { index_type: "NGRAM", min_gram: "4", max_gram: "3" }, /invalid min_gram or max_gram value/);
  refused(text, { index_type: "HNSW" }, /data type VarChar can't build with this index HNSW/);
});

test("every index type takes each of its parameters at both ends of the range, and none past them", () => {
  for (const [type, { fields, build: rules }] of Object.entries(INDEX_TYPES)) {
    if (fields !== "float vector" && fields !== "float or int8 vector") continue;
    for (const [key, rule] of Object.entries(rules)) {
      if (rule.kind !== "integer" || key === "m") continue;
      for (const value of [rule.least, rule.most]) build(vector, { index_type: type, [key]: String(value) });
      for (const value of [rule.least - 1, rule.most + 1])
        refused(vector, { index_type: type, [key]: String(value) }, /Out of range/);
    }
  }
});

test("searching: widths must hold the hits, and unknown keys are ignored", () => {
  const search = (type: string, params: Record<string, unknown>, hits = 10): void =>
    void searchParams(type, new Map(Object.entries(params)), hits);
  search("HNSW", { ef: 10, nprobe: "nonsense" });
  search("HNSW", { ef: "64" });
  assert.throws(() => search("HNSW", { ef: 10 }, 100), /ef\(10\) should be larger than k\(100\)/);
  assert.throws(() => search("SCANN", { reorder_k: 100 }, 101), /reorder_k\(100\) should be larger than k\(101\)/);
  assert.throws(() => search("DISKANN", { search_list: 1 }), /search_list_size\(1\) should be larger than k\(10\)/);
  assert.throws(
    () => search("HNSW", { ef: -1 }),
    /Out of range in json: param 'ef' \(-1\) should be in range \[1, 2147483647\]/,
  );
  for (const given of [true, "32.0", null, "many"]) {
    assert.throws(() => search("HNSW", { ef: given }), /Type conflict in json: param 'ef' \(.*\) should be integer/);
  }
});

test("a scalar index is refused for types that Milvus has none of its kind for", () => {
  const field = (dataType: DataType, more: Partial<FieldSchema> = {}): FieldSchema => ({
    ...number,
    dataType,
    ...more,
  });
  const array = (elementType: DataType): FieldSchema => field(DataType.Array, { elementType });
  const { Bool, Int8, Float, Double, JSON: Json, Timestamptz, VarChar, Int64 } = DataType;
  for (const one of [field(Bool), field(Int8), field(VarChar), array(Int64), array(VarChar)]) {
    assert.equal(build(one, { index_type: "BITMAP" })["index_type"], "BITMAP");
  }
  for (const one of [field(Float), field(Double), field(Json), field(Timestamptz)]) {
    refused(
      one,
      { index_type: "BITMAP" },
      /^.*bitmap index are only supported on bool, int, string: invalid parameter$/,
    );
  }
  refused(array(Float), { index_type: "BITMAP" }, /only supported on bool, int, string for array field/);
  refused(
    field(Int64, { isPrimaryKey: true }),
    { index_type: "BITMAP" },
    /create bitmap index on primary key not supported/,
  );
  for (const one of [field(Int8), field(Double), field(VarChar), field(Timestamptz)]) {
    assert.equal(build(one, { index_type: "STL_SORT" })["index_type"], "STL_SORT");
  }
  for (const one of [field(Bool), array(Int64)]) {
    refused(one, { index_type: "STL_SORT" }, /STL_SORT are only supported on/);
  }
  refused(field(Timestamptz), { index_type: "INVERTED" }, /INVERTED are not supported on Timestamptz field/);
  for (const [min_gram, reason] of [
    ["2.5", /min_gram for Ngram index must be an integer, got: 2\.5/],
    ["0", /invalid min_gram or max_gram value for Ngram index/],
  ] as const) {
    refused(text, { index_type: "NGRAM", min_gram, max_gram: "3" }, reason);
  }
});
