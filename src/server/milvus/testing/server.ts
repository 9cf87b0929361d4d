/**
 * A whole server for tests: every role in this process, everything in memory, the twin kernel, a real port on the loopback, and a client
 * that speaks generated messages.
 */

import { join } from "node:path";
import { Client, Metadata, type ServiceError, credentials } from "@grpc/grpc-js";
import {
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import type { MachineMemory } from "../../../base/host/memory.ts";
import type { Runtime } from "../../../base/host/runtime.ts";
import { SystemRuntime } from "../../../base/host/system.ts";
import { type Adapters, Engine } from "../../../engine/engine.ts";
import type { EngineLimits } from "../../../engine/limits.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { loadKernel } from "../../../kernel/load.ts";
import { TwinKernel } from "../../../kernel/twin/twin.ts";
import { Journal } from "../../../log/journal/journal.ts";
import { MemoryLog } from "../../../log/memory.ts";
import { SqliteMetaStore } from "../../../metastore/sqlite.ts";
import type { MetaStore } from "../../../metastore/metastore.ts";
import { MemoryMetaStore } from "../../../metastore/memory.ts";
import { DirectoryObjectStore } from "../../../objectstore/directory.ts";
import { MemoryObjectStore } from "../../../objectstore/memory.ts";
import type { ObjectStore } from "../../../objectstore/objectstore.ts";
import { WorkFolder } from "../../../objectstore/work-folder.ts";
import type { Proxy } from "../../../proxy/proxy.ts";
import { InProcessTransport } from "../../../rpc/in-process.ts";
import { GrpcServer, type GrpcServerOptions } from "../../grpc/server.ts";
import { serveMilvus } from "../service.ts";

export interface Running {
  readonly port: number;
  readonly proxy: Proxy;
  readonly kernel: Kernel;
  readonly objects: ObjectStore;
  /** What the engine said about what it does on its own. */
  readonly lines: readonly string[];
  /** What was thrown that is no error of the table. A test that ends with one here has found a bug. */
  readonly faults: readonly unknown[];
  close(): Promise<void>;
}

export async function startServer(
  options: Partial<GrpcServerOptions> = {},
  port = 0,
  given: {
    readonly runtime?: Runtime;
    /** Everything lies in files here, and is there again for the next server. */
    readonly directory?: string;
    /** The native kernel if there is one; the twin if not asked for. Needs a directory. */
    readonly isNative?: boolean;
    /** The metadata as the server sees them. */
    readonly metadata?: (store: MetaStore) => MetaStore;
    readonly limits?: Partial<EngineLimits>;
    /** Absent: no load is refused for want of it. */
    readonly memory?: MachineMemory;
    /** False: messages between the roles are handed over as they are, as in a real server; they are copied if nothing is said. */
    readonly isolate?: boolean;
  } = {},
): Promise<Running> {
  const runtime = given.runtime ?? new SystemRuntime();
  const transport = new InProcessTransport(runtime, { isolate: given.isolate ?? true });
  const kernel = given.isNative === true ? loadKernel({ runtime }) : new TwinKernel(runtime, null);
  const { store: metadata, objects, logBackend } = await stores(runtime, given.directory ?? null);
  const store = given.metadata?.(metadata) ?? metadata;
  const work = given.directory === undefined ? {} : { work: await WorkFolder.open(join(given.directory, "work")) };
  const memory = given.memory === undefined ? {} : { memory: given.memory };
  const adapters = { store, objects, logBackend, kernel, transport, runtime, ...work, ...memory };
  const lines: string[] = [];
  const engine = await Engine.assemble(
    adapters,
    { limits: given.limits ?? {}, log: (line) => void lines.push(line) },
    () => {},
  );
  const { proxy } = engine;
  const faults: unknown[] = [];
  const onFault = (_path: string, thrown: unknown): void => void faults.push(thrown);
  const server = new GrpcServer(runtime, { onFault, ...options });
  serveMilvus(server, proxy, { onFault });
  return {
    port: await server.listen("127.0.0.1", port),
    proxy,
    kernel,
    objects,
    lines,
    faults,
    close: async () => {
      await server.close(100);
      await engine.close();
    },
  };
}

async function stores(
  runtime: Runtime,
  directory: string | null,
): Promise<Pick<Adapters, "store" | "objects" | "logBackend">> {
  if (directory === null) {
    return {
      store: new MemoryMetaStore(runtime),
      objects: new MemoryObjectStore(runtime),
      logBackend: new MemoryLog(runtime),
    };
  }
  return {
    store: await SqliteMetaStore.open(join(directory, "meta.db"), runtime),
    objects: await DirectoryObjectStore.open(join(directory, "objects"), runtime),
    logBackend: await Journal.open(join(directory, "wal"), { runtime }),
  };
}

/** What came back: bytes, or the gRPC error. */
export interface RawReply {
  readonly bytes: Uint8Array | null;
  readonly error: ServiceError | null;
}

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

export class TestClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(port: number, headers: Readonly<Record<string, string>> = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
    });
    for (const [key, value] of Object.entries(headers)) this.#metadata.set(key, value);
  }

  raw(path: string, bytes: Uint8Array): Promise<RawReply> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(path, identity, identity, bytes, this.#metadata, (error, answer) =>
        resolve({ bytes: answer ?? null, error }),
      );
    });
  }

  async call<Descriptor extends DescMethodUnary>(
    descriptor: Descriptor,
    request: MessageInitShape<Descriptor["input"]>,
  ): Promise<MessageShape<Descriptor["output"]>> {
    const bytes = toBinary(descriptor.input, create(descriptor.input, request));
    const reply = await this.raw(`/${descriptor.parent.typeName}/${descriptor.name}`, bytes);
    if (reply.error !== null) throw reply.error;
    return fromBinary(descriptor.output, reply.bytes!) as MessageShape<Descriptor["output"]>;
  }

  close(): void {
    this.#client.close();
  }
}
