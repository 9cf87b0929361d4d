/** Where the vectors of WordNet lie, when somebody has put them beside the repository; the tests do without. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../../../shared/data/wordnet");
const NEEDED = ["vectors.f16.bin", "rows.parquet", "queries.f32.bin"];

/** Null: none, and the tests draw their rows from a seed. */
export function wordnetFolder(): string | null {
  return NEEDED.every((file) => existsSync(join(FOLDER, file))) ? FOLDER : null;
}
