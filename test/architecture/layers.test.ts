/** Imports go down the table of layers, never up, never sideways, never in a circle; and the check can tell. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { importsOf } from "./imports.ts";
import { importCycles, LAYERS, layerViolations, PACKAGES } from "./layers.ts";
import { ROOT, typeScriptUnder } from "./sources.ts";

const sources = typeScriptUnder("src");

test("every import of src goes down", () => {
  assert.ok(sources.size > 10, "the sources were found");
  assert.deepEqual(layerViolations(sources), []);
});

test("no file of src imports itself over others", () => {
  assert.deepEqual(importCycles(sources), []);
});

test("the packages that src may import are the dependencies of package.json", () => {
  const { dependencies } = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  assert.deepEqual(Object.keys(PACKAGES).toSorted(), Object.keys(dependencies).toSorted());
});

test("no folder stands twice in the table", () => {
  const folders = LAYERS.flat();
  assert.equal(new Set(folders).size, folders.length);
});

const violationsOf = (path: string, source: string): string[] => layerViolations(new Map([[path, source]]));

for (const [title, path, source, expected] of [
  ["an import upwards", "src/base/a.ts", `import { b } from "../model/b.ts";`, /base imports model, which is above it/],
  ["a type-only import upwards", "src/log/a.ts", `import type { E } from "../engine/e.ts";`, /log imports engine/],
  ["an inline type upwards", "src/log/a.ts", `let e: import("../engine/e.ts").E;`, /log imports engine/],
  ["a dynamic import upwards", "src/wal/a.ts", `const m = await import("../cli/m.ts");`, /wal imports cli/],
  ["a re-export upwards", "src/model/a.ts", `export { b } from "../cli/b.ts";`, /model imports cli/],
  ["a re-export of all upwards", "src/model/a.ts", `export * from "../cli/b.ts";`, /model imports cli/],
  ["a side-effect import upwards", "src/model/a.ts", `import "../cli/b.ts";`, /model imports cli/],
  [
    "a worker's file upwards",
    "src/log/a.ts",
    `new Worker(new URL("../cli/b.ts", import.meta.url));`,
    /log imports cli/,
  ],
  [
    "a worker's file upwards under a half fixed name",
    "src/log/a.ts",
    "new URL(`../cli/b.${extension}`, import.meta.url);",
    /log imports cli/,
  ],
  [
    "a role that imports a role",
    "src/proxy/a.ts",
    `import { b } from "../query/b.ts";`,
    /proxy imports its neighbour query/,
  ],
  ["a seam that imports a seam", "src/log/a.ts", `import { b } from "../metastore/b.ts";`, /log imports its neighbour/],
  ["an import of the tests", "src/log/a.ts", `import { b } from "../../test/b.ts";`, /outside of src/],
  ["an unknown folder", "src/helpers/a.ts", ``, /not in the table/],
  ["a computed import", "src/log/a.ts", `await import(name);`, /computed/],
  [
    "a package in the wrong layer",
    "src/model/a.ts",
    `import { x } from "@grpc/grpc-js";`,
    /the package @grpc\/grpc-js/,
  ],
  ["a package of the tests in the product", "src/model/a.ts", `import fc from "fast-check";`, /the package fast-check/],
] as const) {
  test(`the check sees ${title}`, () => {
    const violations = violationsOf(path, source);
    assert.equal(violations.length, 1, violations.join("\n"));
    assert.match(violations[0]!, expected);
  });
}

test("imports downwards and within a folder are fine", () => {
  const source = `
    import { assert } from "../base/assert.ts"; import type { A } from "./a.ts";
    import { readFile } from "node:fs"; export { b } from "./b.ts"; new URL("c.ts", import.meta.url); import type { Row as Line, type Column } from "../model/columns.ts";
  `;
  assert.deepEqual(violationsOf("src/log/x.ts", source), []);
  assert.equal(importsOf(source).length, 6);
});

test("what only looks like an import is none", () => {
  const source = `
    // import { a } from "../cli/a.ts";
    /* import("../cli/b.ts") */
    const text = "import { c } from '../cli/c.ts'"; const other = \`import "../cli/d.ts" \${text}\`;
    const pattern = /import "x" from "\\/cli"/; object.import("../cli/e.ts"); export const from = "../cli/f.ts";
  `;
  assert.deepEqual(importsOf(source), []);
});

test("an import inside a template's braces is one", () => {
  assert.equal(importsOf("const t = `a ${ await import('../cli/d.ts') } b`;").length, 1);
});

test("the check sees a cycle, also over type-only imports", () => {
  const cycles = importCycles(
    new Map([
      ["src/log/a.ts", `import { b } from "./b.ts";`],
      ["src/log/b.ts", `import type { C } from "./c.ts";`],
      ["src/log/c.ts", `export { a } from "./a.ts";`],
      ["src/log/d.ts", `import { a } from "./a.ts";`],
    ]),
  );
  assert.deepEqual(cycles, ["src/log/a.ts → src/log/b.ts → src/log/c.ts → src/log/a.ts"]);
});
