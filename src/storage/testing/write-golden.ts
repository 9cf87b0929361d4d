/**
 * Writes `golden-1.json`: the files of one segment in format version 1, base64 by key. Run it by hand when a new format begins, into a new
 * file; the files of older formats stay, because segments that were written stay readable.
 *
 *   node src/storage/testing/write-golden.ts <target>
 */

import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { SystemRuntime } from "../../base/host/system.ts";
import { writeSegment } from "../segment-writer.ts";
import { GOLDEN, GOLDEN_DELTAS } from "./golden-segment.ts";
import { MapStore } from "./map-store.ts";
import { descriptorOf, sourceOf } from "./random-segment.ts";

const store = new MapStore();
const descriptor = descriptorOf(GOLDEN.schema, { deltas: GOLDEN_DELTAS });
await writeSegment(store, new SystemRuntime(), descriptor, sourceOf(GOLDEN));
const files = [...store.files].map(([key, bytes]) => [key, Buffer.from(bytes).toString("base64")] as const);
writeFileSync(argv[2]!, `${JSON.stringify(Object.fromEntries(files), null, 2)}\n`);
