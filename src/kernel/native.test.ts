/** What only the native kernel has: instruction sets, threads, one table of handles for all workers, falling back when it is absent. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { floats, kernelConformance, plan } from "./conformance.ts";
import { elementConformance } from "./element-conformance.ts";
import type { SearchHits } from "./kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const run = promisify(execFile);
const LOAD = JSON.stringify(new URL("load.ts", import.meta.url).href);
const kernel = loadKernel();

test("an addon that is absent leaves the twin, which says why", () => {
  const twin = loadKernel({ addonPath: "/nowhere/elanus-kernel.node" });
  assert.equal(twin.name, "twin");
  assert.match(twin.reason ?? "", /nowhere.*compiler/s);
  assert.equal(loadKernel({ prefer: "twin" }).reason, null);
});

if (kernel instanceof NativeKernel) withAddon(kernel);
else test("without a compiler there is no addon", () => assert.match(kernel.reason ?? "", /cannot be loaded/));

function withAddon(native: NativeKernel): void {
  kernelConformance("native", () => native, 100_000);
  elementConformance("native", () => native);

  describe("native kernel", () => {
    test("one thread answers like many, and searches go on while the pool shrinks", async () => {
      const before = native.threads;
      const rows = filled(native, 5000, 32);
      const queries = Array.from({ length: 32 * 70 }, (_, at) => (at * 7) % 11);
      const answers: SearchHits[] = [];
      for (const count of [1, 3, 1, 2]) {
        const pending = Array.from({ length: 10 }, () => native.exactSearch(plan(native, rows, queries, { k: 20 })));
        native.threads = count;
        answers.push(...(await Promise.all(pending)));
      }
      for (const answer of answers) assert.deepEqual(answer, answers[0]);
      assert.throws(() => {
        native.threads = 0;
      }, /threads/);
      native.threads = before;
      native.close(rows);
    });

    test("rows may be appended while searches of what was there run", async () => {
      const rows = filled(native, 1000, 16);
      const expected = await native.exactSearch(plan(native, rows, query(16), { k: 100 }));
      const batch = new Float32Array(16 * 500);
      const pending: Promise<SearchHits>[] = [];
      for (let round = 0; round < 200; round += 1) {
        pending.push(native.exactSearch(plan(native, rows, query(16), { k: 100, rowCount: 1000 })));
        native.appendRows(rows, batch);
      }
      for (const hits of await Promise.all(pending)) assert.deepEqual(hits, expected);
      assert.equal(native.rowCount(rows), 101_000);
      native.close(rows);
    });

    test("a small search does not wait for a large one", async () => {
      const rows = filled(native, 50_000, 128);
      const order: string[] = [];
      const large = native
        .exactSearch(
          plan(
            native,
            rows,
            Array.from({ length: 128 * 200 }, (_, at) => at % 3),
          ),
        )
        .then(() => order.push("large"));
      const small = native
        .exactSearch(plan(native, rows, query(128), { rowCount: 10 }))
        .then(() => order.push("small"));
      await Promise.all([large, small]);
      assert.deepEqual(order, ["small", "large"]);
      native.close(rows);
    });

    test("workers share handles, have ends of their own, and may be terminated in the middle of a search", async () => {
      const rows = filled(native, 20_000, 64);
      const expected = await native.exactSearch(plan(native, rows, query(64), { k: 5 }));
      const script = `
        import { parentPort, workerData } from "node:worker_threads";
        import { loadKernel } from ${LOAD};
        const kernel = loadKernel();
        const search = { ...workerData, rowCount: kernel.rowCount(workerData.rows) };
        const hits = await kernel.exactSearch(search);
        const own = kernel.createRows({ element: "float32", dimension: 2 });
        kernel.close(own);
        parentPort.postMessage(hits.rows);
        for (;;) await Promise.all(Array.from({ length: 20 }, () => kernel.exactSearch(search)));
      `;
      const search = plan(native, rows, query(64), { k: 5 });
      const source = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
      const workers = Array.from({ length: 3 }, () => new Worker(source, { workerData: search }));
      const found = workers.map(
        (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)),
      );
      for (const rowsFound of await Promise.all(found)) assert.deepEqual(rowsFound, expected.rows);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await Promise.all(workers.map((worker) => worker.terminate()));
      assert.deepEqual(await native.exactSearch(search), expected);
      native.close(rows);
      assert.equal(native.openHandles(), 0);
    });

    test("an idle kernel keeps no process alive, a running search does, and a worker alone may load it", async () => {
      const script = `
        import { Worker, isMainThread } from "node:worker_threads";
        import { loadKernel } from ${LOAD};
        const kernel = loadKernel();
        const rows = kernel.createRows({ element: "float32", dimension: 8 });
        kernel.appendRows(rows, new Float32Array(8000));
        kernel.exactSearch({ rows, rowCount: 1000, queries: new Float32Array(8), metric: "L2", k: 1, allowed: null, rank: null, range: null })
          .then((hits) => console.log(kernel.name, hits.rows[0]));
      `;
      const inWorker = `
        import { Worker } from "node:worker_threads";
        new Worker(new URL("data:text/javascript," + ${JSON.stringify(encodeURIComponent(script))})).on("exit", (code) =>
          setTimeout(() => console.log("exit", code), 50));
      `;
      const node = async (source: string): Promise<string> =>
        (await run(process.execPath, ["--input-type=module", "-e", source], { timeout: 20_000 })).stdout;
      assert.equal(await node(script), "native 0\n");
      assert.equal(await node(inWorker), "native 0\nexit 0\n");
    });

    test("ELANUS_ISA chooses a lesser instruction set; one that is not to be had is an error", async () => {
      const source = `import { loadKernel } from ${LOAD}; console.log(loadKernel().instructionSet)`;
      const node = (set: string): Promise<{ stdout: string }> =>
        run(process.execPath, ["--input-type=module", "-e", source], { env: { ...process.env, ELANUS_ISA: set } });
      assert.equal((await node("portable")).stdout, "portable\n");
      await assert.rejects(node("abacus"), /KernelError.*abacus/);
      assert.throws(() => native.useInstructionSet("abacus"), /abacus/);
    });
  });
}

function filled(native: NativeKernel, rowCount: number, dimension: number): number {
  const rows = native.createRows(floats(dimension));
  native.appendRows(
    rows,
    new Float32Array(rowCount * dimension).map((_, at) => ((at * 2654435761) % 1009) % 23),
  );
  return rows;
}

function query(dimension: number): number[] {
  return Array.from({ length: dimension }, (_, at) => at % 5);
}
