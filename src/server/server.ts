/**
 * Standalone: an engine over a directory, and the doors to it.
 *
 * Always true: clients are answered only after the engine is open; on the way out new calls are refused first, what runs may finish, then
 * the engine closes.
 */

import { Engine, type EngineOptions } from "../engine/engine.ts";
import { GrpcServer } from "./grpc/server.ts";
import { BUILD_TAGS, serveMilvus } from "./milvus/service.ts";

export const DEFAULT_HOST = "127.0.0.1";
export const DEFAULT_PORT = 19530;
const GRACE_MILLISECONDS = 5_000;

export interface ServerOptions extends EngineOptions {
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
}

export interface RunningServer {
  readonly engine: Engine;
  readonly host: string;
  readonly port: number;
  /** The version that clients are told. */
  readonly version: string;
  /** Idempotent. */
  close(): Promise<void>;
}

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const engine = await Engine.open(options);
  const log = options.log ?? (() => undefined);
  const onFault = (methodPath: string, thrown: unknown): void => {
    log(`${methodPath}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  };
  const grpc = new GrpcServer(engine.runtime, { onFault });
  serveMilvus(grpc, engine.proxy, { onFault });
  const host = options.host ?? DEFAULT_HOST;
  try {
    const port = await grpc.listen(host, options.port ?? DEFAULT_PORT);
    let closing: Promise<void> | null = null;
    const close = async (): Promise<void> => {
      await grpc.close(GRACE_MILLISECONDS);
      await engine.close();
    };
    return { engine, host, port, version: BUILD_TAGS, close: () => (closing ??= close()) };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
