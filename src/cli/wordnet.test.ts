/** The example data is read whole and unchanged: sums of files, shapes, and the known nearest neighbours found again by brute force. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { readWordnetQueries, readWordnetRows, WORDNET_DIMENSION, wordnetBatches } from "./wordnet.ts";

const directory = resolve(import.meta.dirname, "../../examples/wordnet");
const rows = await readWordnetRows(directory);

test("the files are the ones that the checksums name", () => {
  const lines = readFileSync(join(directory, "SHA256SUMS"), "utf8").trim().split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines) {
    const [sum, name] = line.split(/\s+/);
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(directory, name!)))
        .digest("hex"),
      sum,
      name,
    );
  }
});

test("all rows are read, with every column as long as the others", () => {
  assert.equal(rows.rowCount, 5_000);
  for (const list of [rows.lemmas, rows.partsOfSpeech, rows.categories, rows.glosses, rows.senses]) {
    assert.equal(list.length, rows.rowCount);
  }
  assert.equal(rows.vectors.length, rows.rowCount * WORDNET_DIMENSION);
  assert.ok(
    rows.ids.every((id, row) => row === 0 || rows.ids[row - 1]! < id),
    "ids ascend",
  );
  assert.equal(rows.partsOfSpeech.filter((part) => part === "noun").length, 3_486);
  assert.equal(rows.senses.filter((senses) => senses >= 4).length, 778);
});

test("the known neighbours of each question are its nearest rows by cosine", async () => {
  const queries = await readWordnetQueries(directory);
  assert.equal(queries.rowCount, 50);
  for (let query = 0; query < queries.rowCount; query += 1) {
    const vector = queries.vectors.subarray(query * WORDNET_DIMENSION, (query + 1) * WORDNET_DIMENSION);
    const scores = Float64Array.from(rows.ids, (_, row) => cosine(vector, rows.vectors, row * WORDNET_DIMENSION));
    const order = Array.from(rows.ids.keys()).toSorted((left, right) => scores[right]! - scores[left]!);
    const start = query * queries.neighbourCount;
    const expected = queries.neighbours.subarray(start, start + 10);
    // Scores, not ids: a few rows share one vector.
    for (const [rank, id] of expected.entries()) {
      const row = rows.ids.indexOf(id);
      assert.ok(Math.abs(scores[row]! - scores[order[rank]!]!) < 2e-6, `question ${query}, place ${rank}`);
    }
    assert.ok(
      rows.ids.includes(queries.sourceIds[query]!),
      "the synset that the question illustrates is in the sample",
    );
  }
});

test("batches cover the rows in order without copying numbers", () => {
  const batches = [...wordnetBatches(rows, 1_500)];
  assert.deepEqual(
    batches.map((batch) => batch.rowCount),
    [1_500, 1_500, 1_500, 500],
  );
  assert.equal(batches[3]!.ids.at(-1), rows.ids.at(-1));
  assert.equal(batches[3]!.glosses.at(-1), rows.glosses.at(-1));
  assert.equal(batches[1]!.vectors.buffer, rows.vectors.buffer);
  assert.equal(batches[1]!.vectors[0], rows.vectors[1_500 * WORDNET_DIMENSION]);
  assert.throws(() => [...wordnetBatches(rows, 0)], /a batch has rows/);
});

function cosine(left: Float32Array, values: Float32Array, start: number): number {
  let [dot, leftSquare, rightSquare] = [0, 0, 0];
  for (let at = 0; at < left.length; at += 1) {
    const [a, b] = [left[at]!, values[start + at]!];
    dot += a * b;
    leftSquare += a * a;
    rightSquare += b * b;
  }
  return dot / Math.sqrt(leftSquare * rightSquare);
}
