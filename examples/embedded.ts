/**
 * Elanus inside a program: a directory, a collection, 5,000 rows, and questions. No server, no container.
 *
 *     node examples/embedded.ts
 *
 * An installed package is imported as "elanus".
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWordnetQueries, readWordnetRows, WORDNET_DIMENSION } from "../src/cli/wordnet.ts";
import { connect } from "../src/client/connect.ts";

interface Meaning {
  readonly lemma: string;
  readonly category: string;
  readonly gloss: string;
}

const wordnet = join(import.meta.dirname, "wordnet");
const directory = await mkdtemp(join(tmpdir(), "elanus-example-"));
try {
  await using db = await connect(directory);
  await db.createCollection({ name: "wordnet", dimension: WORDNET_DIMENSION });
  const { ids, vectors, lemmas, categories, glosses } = await readWordnetRows(wordnet);
  // Columns are the quick way in; rows, [{ id: 1, vector: [...], lemma: "cat" }], are the other one.
  const { count } = await db.insert("wordnet", {
    id: ids,
    vector: vectors,
    lemma: lemmas,
    category: categories,
    gloss: glosses,
  });
  console.log(`${count} meanings, durable in ${directory}\n`);

  const questions = await readWordnetQueries(wordnet);
  for (const question of [0, 7, 21]) {
    const vector = questions.vectors.subarray(question * WORDNET_DIMENSION, (question + 1) * WORDNET_DIMENSION);
    console.log(`"${questions.texts[question]}"`);
    const filter = 'category like "noun%" or category like "verb%"';
    const hits = await db.search<Meaning>("wordnet", { vector, limit: 3, filter, outputFields: ["lemma", "gloss"] });
    for (const { score, lemma, gloss } of hits) console.log(`  ${score.toFixed(3)}  ${lemma}: ${gloss}`);
  }
  console.log(`\nof noun.feeling: ${await db.count("wordnet", { filter: 'category == "noun.feeling"' })}`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
