/** Filters on paths of JSON: documents read by each filter, beside places that are columns. */

import { compileCode } from "../../src/expr/compile.ts";
import { compileFilter } from "../../src/expr/evaluate.ts";
import { parseFilter } from "../../src/expr/filter.ts";
import { type BytesColumn, type Column, columnRows } from "../../src/model/columns.ts";
import { PlaceColumns } from "../../src/segment/place-columns.ts";
import { commonPaths } from "../../src/expr/common-paths.ts";
import { printTable, secondsOf, thousands } from "../measure.ts";
import { medianMilliseconds, nativeKernel } from "./scan.ts";
import { SCHEMA, table } from "./table.ts";

const ROWS = 200_000;
const DOCUMENTS = 103n;

export async function documentsPart(): Promise<void> {
  const { filters } = nativeKernel();
  const columns = table(ROWS, ROWS);
  const documents = columns.get(DOCUMENTS) as BytesColumn;
  const source = { column: (fieldId: bigint): Column => columns.get(fieldId)! };
  const lines: string[][] = [];
  const perRow = (milliseconds: number): string => ((milliseconds * 1000) / columnRows(documents)).toFixed(4);
  for (const text of [
    'doc["size"] > 500',
    'doc["maker"]["name"] like "maker 1%"',
    'doc["size"] > 500 and doc["color"] == "red"',
  ]) {
    const filter = parseFilter(text, SCHEMA)!;
    const code = compileCode(filter)!;
    const evaluator = compileFilter(filter);
    const evaluated = await medianMilliseconds(() => evaluator(source, ROWS), 5);
    const paths = code.columns.map(({ path }) => path);
    const first = (await secondsOf(() => new PlaceColumns(filters).read(DOCUMENTS, documents, paths, ROWS))) * 1000;
    const places = new PlaceColumns(filters);
    const repeated = await medianMilliseconds(async () => {
      const read = await places.read(DOCUMENTS, documents, paths, ROWS);
      return filters.filterNow({ program: code.program, columns: read!, rowCount: ROWS, wanted: null });
    });
    lines.push([text, perRow(evaluated), perRow(first), perRow(repeated), (evaluated / repeated).toFixed(0)]);
  }
  const bytes = documents.bytes.length / ROWS;
  printTable(
    `paths of ${thousands(ROWS)} documents of ${bytes.toFixed(0)} bytes, µs a row`,
    ["", "evaluator", "reading the places", "over the columns", "evaluator / columns"],
    lines,
  );
  const places = new PlaceColumns(filters);
  const seconds = await secondsOf(() => places.readCommon(new Map([[DOCUMENTS, documents]]), ROWS));
  const share = (places.memoryBytes / documents.bytes.length) * 100;
  console.log(
    `\nat load: ${places.count} of ${commonPaths(documents, 100).length} common paths in ${(seconds * 1000).toFixed(0)} ms, ` +
      `${share.toFixed(0)} % of the documents' bytes`,
  );
}
