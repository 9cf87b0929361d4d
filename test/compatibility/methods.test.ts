/** The table of methods in the documentation says what the server does. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { METHODS } from "../../src/server/milvus/service.ts";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";

const TABLE = new URL("../../docs/compatibility/methods.md", import.meta.url);

function told(): Map<string, string> {
  const rows = readFileSync(TABLE, "utf8").matchAll(/^\| (\w+) \| (works|not yet) \| .*\|$/gm);
  return new Map([...rows].map(([, name, state]) => [name!, state!]));
}

test("every declared method has one state, and it is true", () => {
  const served = new Set(METHODS.map(({ path }) => path));
  const actual = MilvusService.methods.map(({ name }): [string, string] => [
    name,
    served.has(`/${MilvusService.typeName}/${name}`) ? "works" : "not yet",
  ]);
  assert.deepEqual(told(), new Map(actual));
});

test("no method is served that Milvus does not declare, and none twice", () => {
  const declared = new Set(MilvusService.methods.map(({ name }) => `/${MilvusService.typeName}/${name}`));
  const paths = METHODS.map(({ path }) => path);
  assert.equal(new Set(paths).size, paths.length);
  assert.deepEqual(
    paths.filter((path) => !declared.has(path)),
    [],
  );
});
