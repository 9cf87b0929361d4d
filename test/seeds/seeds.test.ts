import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { NODE_CASES } from "./node-cases.ts";
import { OWN_CASES, type OwnCase } from "./own-cases.ts";
import { PAGE, seedsPage } from "./page.ts";
import { SEED_ROWS } from "./rows.ts";

const ROOT = resolve(import.meta.dirname, "../..");

describe("the seeds' table", () => {
  test("rows stand in their order, each once", () => {
    const numbers = SEED_ROWS.map(({ row }) => {
      const [document, place] = row.split(".").map(Number);
      return document! * 1_000 + place!;
    });
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((left, right) => left - right),
    );
  });

  test("every row is shown by a case, and says what its verdict calls for", () => {
    for (const { row, verdict, python, node, own, form, missing } of SEED_ROWS) {
      assert.ok(python.length + (node ?? []).length + (own ?? []).length > 0, `row ${row} names a case`);
      assert.equal(form !== undefined, verdict === "other form", `row ${row}: the form that works`);
      assert.equal(missing !== undefined, verdict === "partly", `row ${row}: what is missing`);
    }
  });

  test("the tests of the Node SDK that it names exist", () => {
    for (const { file, test: name } of Object.values(NODE_CASES)) {
      const source = readFileSync(join(ROOT, "test/clients", `${file}.test.ts`), "utf8");
      // One of a family has its own word in front.
      const family = name.slice(name.indexOf(" "));
      const isThere = source.includes(`test("${name}`) || new RegExp(`test\\(\`\\$\\{\\w+\\}${family}`).test(source);
      assert.ok(isThere, `${file}.test.ts has no test ${JSON.stringify(name)}`);
    }
  });

  test("our own tests that it names exist, and each is named by a row", () => {
    const named = new Set(SEED_ROWS.flatMap(({ own }) => own ?? []));
    for (const [name, { file, test: beginning }] of Object.entries(OWN_CASES)) {
      const source = readFileSync(join(ROOT, file), "utf8");
      const isThere = source.includes(`"${beginning}`) || source.includes(`\`${beginning}`);
      assert.ok(isThere, `${file} has no test ${JSON.stringify(beginning)}`);
      assert.ok(named.has(name as OwnCase), `${name} shows no row`);
    }
  });

  test("the committed page is what it makes", () => {
    assert.equal(
      readFileSync(join(ROOT, PAGE), "utf8"),
      seedsPage(),
      `run: node scripts/setup.mjs run test/seeds/write.ts`,
    );
  });
});
