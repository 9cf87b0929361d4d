/**
 * The example data of the repository: 5,000 WordNet synsets with their embeddings, and 50 questions with the known answers.
 *
 * Always true: columns, one typed array or list each, all of `rowCount` entries; batches are views of them, not copies.
 *
 * Not here: the collection they go into and the asking (`demo.ts`).
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { parquetRead } from "hyparquet";
import type { DecodedArray } from "hyparquet";
import { assert } from "../base/assert.ts";

export const WORDNET_DIMENSION = 384;

/** Synsets: `id`, first word, part of speech, lexicographer file, definition, number of meanings of the word, embedding. */
export interface WordnetRows {
  readonly rowCount: number;
  readonly ids: BigInt64Array;
  readonly lemmas: readonly string[];
  readonly partsOfSpeech: readonly string[];
  readonly categories: readonly string[];
  readonly glosses: readonly string[];
  readonly senses: Int32Array;
  /** `rowCount * WORDNET_DIMENSION` floats, row after row. */
  readonly vectors: Float32Array;
}

/** Sentences that show a word in use, the synset they illustrate, and the exact nearest rows of the sample by cosine, best first. */
export interface WordnetQueries {
  readonly rowCount: number;
  readonly texts: readonly string[];
  readonly sourceIds: BigInt64Array;
  readonly vectors: Float32Array;
  /** `rowCount * neighbourCount` ids. */
  readonly neighbours: BigInt64Array;
  readonly neighbourCount: number;
}

const NEIGHBOUR_COUNT = 100;

export async function readWordnetRows(directory: string): Promise<WordnetRows> {
  const columns = ["id", "lemma", "pos", "category", "gloss", "senses", "vector"];
  const values = await readColumns(join(directory, "sample.parquet"), columns);
  const ids = BigInt64Array.from(values("id") as bigint[]);
  return {
    rowCount: ids.length,
    ids,
    lemmas: values("lemma") as string[],
    partsOfSpeech: values("pos") as string[],
    categories: values("category") as string[],
    glosses: values("gloss") as string[],
    senses: Int32Array.from(values("senses") as number[]),
    vectors: flatten(values("vector") as number[][], WORDNET_DIMENSION),
  };
}

export async function readWordnetQueries(directory: string): Promise<WordnetQueries> {
  const columns = ["text", "source_id", "vector", "neighbours"];
  const values = await readColumns(join(directory, "queries.parquet"), columns);
  const texts = values("text") as string[];
  const neighbours = new BigInt64Array(texts.length * NEIGHBOUR_COUNT);
  for (const [row, list] of (values("neighbours") as bigint[][]).entries()) {
    assert(list.length === NEIGHBOUR_COUNT, "a question of the example has all its neighbours");
    neighbours.set(list, row * NEIGHBOUR_COUNT);
  }
  return {
    rowCount: texts.length,
    texts,
    sourceIds: BigInt64Array.from(values("source_id") as bigint[]),
    vectors: flatten(values("vector") as number[][], WORDNET_DIMENSION),
    neighbours,
    neighbourCount: NEIGHBOUR_COUNT,
  };
}

/** The rows in order, at most `batchRows` at a time. */
export function* wordnetBatches(rows: WordnetRows, batchRows: number): Generator<WordnetRows> {
  assert(batchRows > 0, "a batch has rows");
  for (let start = 0; start < rows.rowCount; start += batchRows) {
    const end = Math.min(start + batchRows, rows.rowCount);
    yield {
      rowCount: end - start,
      ids: rows.ids.subarray(start, end),
      lemmas: rows.lemmas.slice(start, end),
      partsOfSpeech: rows.partsOfSpeech.slice(start, end),
      categories: rows.categories.slice(start, end),
      glosses: rows.glosses.slice(start, end),
      senses: rows.senses.subarray(start, end),
      vectors: rows.vectors.subarray(start * WORDNET_DIMENSION, end * WORDNET_DIMENSION),
    };
  }
}

type ColumnReader = (name: string) => readonly unknown[];

async function readColumns(path: string, columns: readonly string[]): Promise<ColumnReader> {
  const bytes = await readFile(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const chunks = new Map<string, { readonly rowStart: number; readonly data: DecodedArray }[]>();
  await parquetRead({
    file,
    columns: [...columns],
    compressors: { ZSTD: (compressed) => zstdDecompressSync(compressed) },
    onChunk: ({ columnName, columnData, rowStart }) => {
      const list = chunks.get(columnName) ?? [];
      list.push({ rowStart, data: columnData });
      chunks.set(columnName, list);
    },
  });
  return (name) => {
    const parts = chunks.get(name) ?? [];
    assert(parts.length > 0, `${path} has a column ${name}`);
    return parts
      .toSorted((left, right) => left.rowStart - right.rowStart)
      .flatMap(({ data }) => Array.from<unknown>(data));
  };
}

function flatten(rows: readonly (readonly number[])[], dimension: number): Float32Array {
  const values = new Float32Array(rows.length * dimension);
  for (const [row, vector] of rows.entries()) {
    assert(vector.length === dimension, `a vector of the example has ${dimension} entries`);
    values.set(vector, row * dimension);
  }
  return values;
}
