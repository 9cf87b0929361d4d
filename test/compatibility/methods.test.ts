/** The table of methods in the documentation says what the server does. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { METHODS } from "../../src/server/milvus/service.ts";
import { TestClient, startServer } from "../../src/server/milvus/testing/server.ts";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";
import { NOTES } from "./notes.ts";
import { PAGE, methodStates, methodsPage } from "./page.ts";

test("the page is what the tables make", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../..", PAGE), "utf8");
  assert.equal(page, methodsPage(), "run `node scripts/setup.mjs run test/compatibility/write.ts`");
  const states = methodStates();
  for (const name of Object.keys(NOTES)) assert.equal(states.get(name), "works", `the note of ${name}`);
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

test("every declared method is answered, or refused with its name", async () => {
  const server = await startServer();
  const client = new TestClient(server.port);
  try {
    for (const [name, state] of methodStates()) {
      const { bytes, error } = await client.raw(`/${MilvusService.typeName}/${name}`, new Uint8Array(0));
      if (state === "works") {
        assert.equal(error, null, `${name}: ${error?.message}`);
        assert.ok(bytes !== null, name);
      } else {
        assert.equal(error?.code, status.UNIMPLEMENTED, name);
        assert.match(error.details, new RegExp(`\\b${name}\\b`));
      }
    }
  } finally {
    client.close();
    await server.close();
  }
  assert.deepEqual(server.faults, []);
});
