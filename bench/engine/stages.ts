/**
 * One start in the steps that `Engine.open` and `startServer` take, each with its clock: `node stages.ts <directory> <began>`, where
 * `began` is Unix milliseconds. Prints JSON. Imports are dynamic here so that they can be timed; the order is the one of the server.
 */

import { join } from "node:path";

const directory = process.argv[2]!;
const began = Number(process.argv[3]);
const steps: Record<string, number> = {};
const step = (name: string): void => void (steps[name] = performance.timeOrigin + performance.now() - began);

step("node runs");
const { SystemRuntime } = await import("../../src/base/host/system.ts");
const { lockDirectory } = await import("../../src/engine/directory-lock.ts");
const { SqliteMetaStore } = await import("../../src/metastore/sqlite.ts");
const { DirectoryObjectStore } = await import("../../src/objectstore/directory.ts");
const { Journal } = await import("../../src/log/journal/journal.ts");
const { loadKernel } = await import("../../src/kernel/load.ts");
const { InProcessTransport } = await import("../../src/rpc/in-process.ts");
const { Engine } = await import("../../src/engine/engine.ts");
step("engine imported");
const { GrpcServer } = await import("../../src/server/grpc/server.ts");
step("gRPC imported");
const { serveMilvus } = await import("../../src/server/milvus/service.ts");
step("wire types imported");
const runtime = new SystemRuntime();
const lock = lockDirectory(directory, runtime);
step("directory locked");
const store = await SqliteMetaStore.open(join(directory, "meta.db"), runtime);
step("metadata open");
const objects = await DirectoryObjectStore.open(join(directory, "objects"), runtime);
step("objects open");
const logBackend = await Journal.open(join(directory, "wal"), { runtime });
step("journal open");
const kernel = loadKernel({ runtime });
step("kernel loaded");
const transport = new InProcessTransport(runtime);
const engine = await Engine.assemble({ store, objects, logBackend, kernel, transport, runtime }, {}, () =>
  lock.release(),
);
step("roles started, log replayed");
const grpc = new GrpcServer(runtime, {});
serveMilvus(grpc, engine.proxy, {});
await grpc.listen("127.0.0.1", 0);
step("listening");
process.stdout.write(JSON.stringify(steps));
await grpc.close(100);
await engine.close();
