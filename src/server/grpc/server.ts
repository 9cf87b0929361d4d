/**
 * The gRPC server: raw bytes in, raw bytes out. grpc-js stays behind this file and `injector.ts`, so that another transport can take
 * its place without a change to any handler.
 *
 * Always true:
 *  - a handler sees whole messages of at most `maximumReceiveBytes`; a larger one ends with RESOURCE_EXHAUSTED before it;
 *  - the signal of a call aborts when the peer cancels, its deadline passes, its connection breaks or the server is forced shut, and
 *    never after the answer was given;
 *  - what a handler throws becomes a status; nothing that a peer sends ends the process;
 *  - after `close` no connection is open.
 *
 * Client pings are answered however often they come, as Milvus's clients ping idle connections every ten seconds.
 *
 * Not here: protobuf (wire), the methods of Milvus, REST (an `http1` server is handed in, it shares the port).
 */

import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { type Server as HttpServer, createServer as createHttpServer } from "node:http";
import type { TlsOptions } from "node:tls";
import { assert } from "../../base/assert.ts";
import type { Runtime } from "../../base/host/runtime.ts";
import type { Pause } from "../../base/turns.ts";
import { Pace } from "../../storage/pace.ts";
import { GrpcCode, GrpcFailure, asGrpcFailure } from "./failure.ts";
import { Health } from "./health.ts";
import { moveMessages, createInjector } from "./injector.ts";
import { frameBody } from "./pieces.ts";
import { SharedPort } from "./shared-port.ts";

export interface GrpcServerOptions {
  readonly maximumReceiveBytes: number;
  readonly maximumSendBytes: number;
  /** What a peer may send ahead of what was read, a stream and a connection. */
  readonly windowBytes: number;
  readonly maximumConnections: number;
  readonly maximumStreamsPerConnection: number;
  /** Calls in all connections together; more are refused with RESOURCE_EXHAUSTED. */
  readonly maximumCalls: number;
  readonly keepaliveMilliseconds: number;
  readonly keepaliveTimeoutMilliseconds: number;
  /** How long a new connection may take to say what it speaks. */
  readonly sniffMilliseconds: number;
  readonly tls: TlsOptions | null;
  /** Takes the HTTP/1.1 connections of the port; without one they get a text that says what this port is. */
  readonly http1: HttpServer | null;
  /** Told what a handler threw that was neither a `GrpcFailure` nor a `WireError`. */
  readonly onFault: (methodPath: string, thrown: unknown) => void;
}

const MEBIBYTE = 1024 * 1024;

/** The timer of a deadline counts from the beginning of the turn of the event loop that set it, and may be so far ahead of the clock. */
const EARLY_MILLISECONDS = 20;

const DEFAULTS: GrpcServerOptions = {
  maximumReceiveBytes: 64 * MEBIBYTE,
  maximumSendBytes: 256 * MEBIBYTE,
  windowBytes: 16 * MEBIBYTE,
  maximumConnections: 10_000,
  maximumStreamsPerConnection: 1000,
  maximumCalls: 10_000,
  keepaliveMilliseconds: 60_000,
  keepaliveTimeoutMilliseconds: 10_000,
  sniffMilliseconds: 10_000,
  tls: null,
  http1: null,
  onFault: () => {},
};

export interface GrpcCall {
  /** The first value of a key; binary values (`-bin`) in base64. */
  readonly metadata: Pick<ReadonlyMap<string, string>, "get">;
  /** Unix milliseconds on the wall clock; null when the client set no limit. */
  readonly deadlineMilliseconds: number | null;
  readonly signal: AbortSignal;
  /** `address:port`. */
  readonly peer: string;
  /** Gives other calls a turn when this one has worked for a while. */
  readonly pause: Pause;
}

/** An array is one message in pieces, end to end; a large one is sent without a copy, so they must not change any more. */
export type GrpcAnswer = Uint8Array | readonly Uint8Array[];
export type GrpcHandler = (request: Uint8Array, call: GrpcCall) => Promise<GrpcAnswer>;
/** One request, any number of answers; stops when `signal` aborts. */
export type GrpcStreamHandler = (request: Uint8Array, call: GrpcCall) => AsyncIterable<GrpcAnswer>;

type UnaryCall = ServerUnaryCall<Uint8Array, GrpcAnswer>;
type StreamCall = ServerWritableStream<Uint8Array, GrpcAnswer>;
type AnyCall = UnaryCall | StreamCall;

export class GrpcServer {
  readonly #runtime: Runtime;
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  readonly #port: SharedPort;
  readonly #health = new Health();
  #activeCalls = 0;
  #destroyInjector: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(runtime: Runtime, options: Partial<GrpcServerOptions> = {}) {
    this.#runtime = runtime;
    this.#options = { ...DEFAULTS, ...options };
    this.#server = new Server({
      "grpc.max_receive_message_length": this.#options.maximumReceiveBytes,
      "grpc.max_send_message_length": this.#options.maximumSendBytes,
      "grpc.max_concurrent_streams": this.#options.maximumStreamsPerConnection,
      "grpc.keepalive_time_ms": this.#options.keepaliveMilliseconds,
      "grpc.keepalive_timeout_ms": this.#options.keepaliveTimeoutMilliseconds,
      "grpc.enable_channelz": 0,
      interceptors: [moveMessages],
    });
    const injector = createInjector(this.#server, ServerCredentials.createInsecure(), this.#options.windowBytes);
    this.#destroyInjector = () => injector.destroy();
    const http1 = this.#options.http1 ?? explainer();
    this.#port = new SharedPort(runtime, {
      onHttp2: (socket) => injector.injectConnection(socket),
      onHttp1: (socket) => http1.emit("connection", socket),
      maximumConnections: this.#options.maximumConnections,
      sniffMilliseconds: this.#options.sniffMilliseconds,
      tls: this.#options.tls,
    });
    this.register("/grpc.health.v1.Health/Check", (request) => this.#health.check(request));
    this.registerStream("/grpc.health.v1.Health/Watch", (request, call) => this.#health.watch(request, call.signal));
  }

  get activeCalls(): number {
    return this.#activeCalls;
  }

  get connectionCount(): number {
    return this.#port.connectionCount;
  }

  /** `methodPath`: `/package.Service/Method`. */
  register(methodPath: string, handler: GrpcHandler): void {
    const unary = (call: UnaryCall, done: sendUnaryData<GrpcAnswer>): void =>
      void this.#answer(methodPath, handler, call, done);
    this.#add(methodPath, "unary", unary as never);
  }

  registerStream(methodPath: string, handler: GrpcStreamHandler): void {
    const stream = (call: StreamCall): void => void this.#stream(methodPath, handler, call);
    this.#add(methodPath, "serverStream", stream as never);
  }

  /** What the health service says; true from the start. */
  setServing(serving: boolean): void {
    this.#health.setServing(serving);
  }

  /** Port 0 takes a free one; resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return this.#port.listen(host, port);
  }

  /** Accepts nothing more, lets the calls that run end for at most `graceMilliseconds`, then cuts what is left. */
  close(graceMilliseconds: number): Promise<void> {
    this.#closing ??= this.#close(graceMilliseconds);
    return this.#closing;
  }

  async #close(graceMilliseconds: number): Promise<void> {
    this.#health.setServing(false);
    this.#health.stop();
    const stopped = this.#port.stop();
    this.#destroyInjector?.();
    const timer = this.#runtime.after(graceMilliseconds, () => this.#port.destroyAll());
    await stopped;
    timer.cancel();
    this.#server.forceShutdown();
    assert(this.#port.connectionCount === 0, "a closed server has no connections");
  }

  #add(methodPath: string, type: "unary" | "serverStream", handler: never): void {
    assert(/^\/[\w.]+\/\w+$/.test(methodPath), `${methodPath} is a method path`);
    const added = this.#server.register(methodPath, handler, frameBody, (bytes) => bytes, type);
    assert(added, `${methodPath} is registered once`);
    this.#health.addService(methodPath.slice(1, methodPath.lastIndexOf("/")));
  }

  async #answer(
    methodPath: string,
    handler: GrpcHandler,
    call: UnaryCall,
    done: sendUnaryData<GrpcAnswer>,
  ): Promise<void> {
    if (this.#activeCalls >= this.#options.maximumCalls) return done(tooManyCalls());
    const running = this.#begin(call);
    try {
      const answer = await handler(call.request, running.info);
      running.end();
      done(null, answer);
    } catch (thrown) {
      running.end();
      done(this.#status(methodPath, thrown));
    }
  }

  async #stream(methodPath: string, handler: GrpcStreamHandler, call: StreamCall): Promise<void> {
    // grpc-js reports a broken stream as an event too; the signal has told the handler already.
    call.on("error", () => {});
    if (this.#activeCalls >= this.#options.maximumCalls) return void call.emit("error", tooManyCalls());
    const running = this.#begin(call);
    try {
      for await (const answer of handler(call.request, running.info)) {
        if (running.info.signal.aborted) break;
        if (!call.write(answer)) await drained(call, running.info.signal);
      }
      running.end();
      call.end();
    } catch (thrown) {
      running.end();
      call.emit("error", this.#status(methodPath, thrown));
    }
  }

  #begin(call: AnyCall): { readonly info: GrpcCall; end(): void } {
    const controller = new AbortController();
    let ended = false;
    this.#activeCalls += 1;
    const deadline = call.getDeadline();
    const deadlineMilliseconds = typeof deadline === "number" && Number.isFinite(deadline) ? deadline : null;
    call.on("cancelled", () => {
      if (ended) return;
      const late = deadlineMilliseconds !== null && this.#runtime.now() + EARLY_MILLISECONDS >= deadlineMilliseconds;
      const code = late ? GrpcCode.DeadlineExceeded : GrpcCode.Cancelled;
      controller.abort(new GrpcFailure(code, late ? "context deadline exceeded" : "context canceled"));
    });
    // Most calls have nothing long to do, and ask for one header.
    let pace: Pace | null = null;
    return {
      info: {
        metadata: { get: (key) => textOf(call.metadata.get(key)[0]) },
        deadlineMilliseconds,
        signal: controller.signal,
        peer: call.getPeer(),
        pause: () => (pace ??= new Pace(this.#runtime)).pause(),
      },
      end: () => {
        assert(!ended, "a call ends once");
        ended = true;
        this.#activeCalls -= 1;
      },
    };
  }

  #status(methodPath: string, thrown: unknown): Partial<StatusObject> {
    const failure = asGrpcFailure(thrown);
    if (failure.code === GrpcCode.Unknown) this.#options.onFault(methodPath, thrown);
    // The text travels in a header: it is percent-encoded, which lone surrogates would break.
    return { code: failure.code as number, details: failure.message.toWellFormed() };
  }
}

function textOf(value: string | Buffer | undefined): string | undefined {
  return typeof value === "object" ? value.toString("base64") : value;
}

function tooManyCalls(): Partial<StatusObject> {
  return { code: GrpcCode.ResourceExhausted as number, details: "too many concurrent calls" };
}

function drained(call: StreamCall, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      call.off("drain", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    call.once("drain", finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}

const EXPLANATION = "This is a gRPC port (HTTP/2). The RESTful API is not served here yet.\n";

function explainer(): HttpServer {
  const server = createHttpServer((request, response) => {
    request.resume();
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8", connection: "close" });
    response.end(EXPLANATION);
  });
  server.timeout = 30_000;
  return server;
}
