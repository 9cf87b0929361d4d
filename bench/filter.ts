/** Filters: loops in the kernel, parsing. Parts by name, or all of them. */

import { arraysPart } from "./filter/arrays.ts";
import { documentsPart } from "./filter/documents.ts";
import { parsePart } from "./filter/parse.ts";
import { scanPart } from "./filter/scan.ts";
import { printLoad } from "./measure.ts";

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  scan: scanPart,
  documents: documentsPart,
  arrays: arraysPart,
  parse: parsePart,
};

export async function filterBench(parts: readonly string[]): Promise<void> {
  printLoad();
  for (const part of parts.length === 0 ? Object.keys(PARTS) : parts) {
    const run = PARTS[part];
    if (run === undefined) throw new Error(`there is no part ${part}: ${Object.keys(PARTS).join(", ")}`);
    await run();
  }
}
