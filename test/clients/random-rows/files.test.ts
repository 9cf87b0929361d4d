/** Random rows of every type that a real client wrote, as pyarrow reads them from the files of the server. */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Random } from "../../../src/expr/testing/random.ts";
import { dataDirectory, startServerProcess } from "../server-process.ts";
import { ACROSS_CARRIES, CLIENTS } from "./clients.ts";
import { differences, told } from "./compare.ts";
import { type Carried, drawKeys, drawRow } from "./draw.ts";
import { KEY } from "./fields.ts";
import { expected } from "./journey.ts";
import { nudged } from "./nudge.ts";
import type { PlainRow } from "./plain.ts";
import type { RowsClient } from "./rows-client.ts";
import { seedOfRun } from "./seed.ts";
import { drawTables } from "./tables.ts";

const ROWS = 60;
const seed = seedOfRun();

describe(`files of random rows, seed ${seed}`, () => {
  const { node, python } = CLIENTS;

  after(async () => {
    for (const { client } of [node, python]) await client.close();
  });

  async function check(writer: RowsClient, carried: Carried): Promise<void> {
    using data = dataDirectory();
    const server = await startServerProcess(data.path);
    try {
      for (const client of new Set([writer, python.client])) await client.connect(server.port);
      const random = new Random(seed);
      for (const drawn of drawTables(random, carried, `files_${seed}`)) {
        // Keys of ours, so that what is wanted is known before anything is written.
        const table = { ...drawn, automatic: false };
        const rows = drawKeys(random, table, ROWS).map((key) => ({ [KEY]: key, ...drawRow(random, table, carried) }));
        await writer.create(table);
        await writer.insert(table, rows);
        await writer.flush(table);
        const seen = await python.client.files(table, data.path);
        // Geometries are bytes in files, which `parquet_files.py` looks at.
        const fields = table.fields.filter(({ type }) => type !== "Geometry");
        const names = new Set(table.fields.filter(({ type }) => type === "Geometry").map(({ name }) => name));
        const wanted = new Map(
          rows.map((row): [string, PlainRow] => {
            const whole = Object.entries(expected(table, row)).filter(([name]) => !names.has(name));
            return [row[KEY] as string, Object.fromEntries(whole)];
          }),
        );
        const found = differences(table, wanted, seen);
        assert.equal(found.length, 0, `${writer.name}, ${table.name}:\n${told(found)}`);
        // And it would have been seen.
        const [key, row] = wanted.entries().next().value!;
        for (const field of fields) {
          const other = nudged(random, field, row[field.name]!, carried);
          assert.equal(differences(table, new Map(wanted).set(key, { ...row, [field.name]: other }), seen).length, 1);
        }
      }
    } finally {
      await server.stop();
    }
  }

  test("random_files: what pymilvus sends is in the files", () => check(python.client, python.carried));

  test("what the Node SDK sends is in the files", () => check(node.client, ACROSS_CARRIES));
});
