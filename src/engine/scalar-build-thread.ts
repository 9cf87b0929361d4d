/** The thread of one build of a scalar index: a column in, the parts of a file out. */

import { parentPort, workerData } from "node:worker_threads";
import { present } from "../base/assert.ts";
import { type ScalarBuild, buildScalarIndex } from "../index/scalar/build.ts";
import type { Column } from "../model/columns.ts";
import type { ScalarBuilt } from "./scalar-builds.ts";

const { build, column } = workerData as { readonly build: ScalarBuild; readonly column: Column };
let answer: ScalarBuilt;
try {
  answer = { kind: "built", parts: buildScalarIndex(build, column) };
} catch (thrown) {
  answer = { kind: "failed", text: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
}
present(parentPort, "a thread has a parent").postMessage(answer, []);
