import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { objectStoreConformance } from "./conformance.ts";
import { MemoryObjectStore } from "./memory.ts";

objectStoreConformance("MemoryObjectStore", async () => ({ store: new MemoryObjectStore(new SystemRuntime()) }), {
  isDurable: false,
  isOutside: false,
});

test("it refuses what a directory could not hold", async () => {
  const store = new MemoryObjectStore(new SystemRuntime());
  const body = new Uint8Array(1);
  await store.put("a/b", body);
  await assert.rejects(store.put("a", body), { kind: "ParameterInvalid" });
  await assert.rejects(store.put("a/b/c", body), { kind: "ParameterInvalid" });
});
