import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SystemRuntime } from "../../base/host/system.ts";
import { logConformance } from "../conformance.ts";
import { Journal } from "./journal.ts";

const MIB = 1024 * 1024;

for (const [name, fileBytes] of [
  ["journal", 64 * MIB],
  ["journal of small files", 64 * 1024],
] as const) {
  logConformance(
    name,
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "elanus-journal-"));
      return {
        open: () =>
          Journal.open(directory, {
            runtime: new SystemRuntime(),
            fileBytes,
            maxRecordBytes: MIB,
            maxBytesInFlight: 4 * MIB,
          }),
        dispose: () => rm(directory, { recursive: true, force: true }),
      };
    },
    { smallRecords: fileBytes === 64 * MIB ? 100_000 : 10_000 },
  );
}
