import { SystemRuntime } from "../base/host/system.ts";
import { metaStoreConformance } from "./conformance.ts";
import { writeMuch } from "./conformance/changes.ts";
import type { MakeStore } from "./conformance/subject.ts";
import { MemoryMetaStore } from "./memory.ts";

const make: MakeStore = async (context) => {
  const store = new MemoryMetaStore(new SystemRuntime(), { events: 180, bytes: 8 * 1024 * 1024 });
  context.after(() => store.close());
  return { store, compact: writeMuch };
};

metaStoreConformance("MemoryMetaStore", make, { isDurable: false });
