/**
 * The user's end of the engine's thread: starts it, sends calls, matches answers, and says what happened when it dies.
 *
 * Always true:
 *  - every call is settled: by its answer, by its signal, or by the end of the thread;
 *  - the thread keeps the process alive exactly while calls are open, or it is opening or closing;
 *  - a call whose signal aborted is settled at once, and holds its place until the engine has answered: the bound on what the engine
 *    is asked to do at once is kept.
 */

import { Worker } from "node:worker_threads";
import { ChangeCounter } from "../base/change-counter.ts";
import { type MilvusError, invalidParameter, milvusError } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { CallLine, type LineLimits, type QueuedCall } from "./call-line.ts";
import {
  type Answer,
  type Argument,
  type CallName,
  type Failure,
  type FromWorker,
  type ToWorker,
  type WorkerSettings,
  errorOf,
  failureOf,
} from "./calls.ts";

const MIB = 2 ** 20;
const LINE_LIMITS: LineLimits = {
  maxCalls: 64,
  maxBytes: 256 * MIB,
  maxWaitingCalls: 1_024,
  maxWaitingBytes: 1_024 * MIB,
};

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Buffers of the argument that move to the engine's thread. */
  readonly transfer?: readonly ArrayBuffer[];
}

export interface LinkOptions {
  readonly settings: WorkerSettings;
  readonly log?: ((line: string) => void) | undefined;
  /** For tests and benchmarks: how long each call took in the engine's thread. */
  readonly onAnswer?: ((name: CallName, milliseconds: number) => void) | undefined;
}

export interface Opened {
  readonly link: EngineLink;
  /** After everything that the directory held when it was opened. */
  readonly timestamp: Timestamp;
  /** Of what reads see. */
  readonly changes: ChangeCounter;
}

type Outcome =
  | { readonly kind: "value"; readonly value: Answer<CallName> }
  | { readonly kind: "failure"; readonly failure: Failure }
  | { readonly kind: "ended" }
  | { readonly kind: "aborted"; readonly reason: unknown };

interface OpenCall extends QueuedCall {
  readonly name: CallName;
  settle(outcome: Outcome): void;
}

export class EngineLink {
  readonly #worker: Worker;
  readonly #options: LinkOptions;
  readonly #line = new CallLine(LINE_LIMITS);
  readonly #started = new Map<number, OpenCall>();
  readonly #waiting = new Set<OpenCall>();
  readonly #ready = Promise.withResolvers<Extract<FromWorker, { readonly kind: "ready" }>>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #state: "open" | "closing" | "ended" = "open";
  #ending = "";
  #closeFailure: Failure | null = null;
  #closing: Promise<void> | null = null;

  private constructor(options: LinkOptions) {
    this.#options = options;
    // None of the program's flags: loaders and preloaded modules are not meant for the engine's thread.
    this.#worker = new Worker(new URL("./engine-worker.ts", import.meta.url), {
      name: "elanus-engine",
      workerData: options.settings,
      execArgv: [],
    });
    this.#worker.on("message", (message: FromWorker) => this.#receive(message));
    this.#worker.on("error", (error) => (this.#ending ||= String(error)));
    this.#worker.on("messageerror", (error) => {
      this.#ending ||= `an answer could not be read: ${String(error)}`;
      void this.#worker.terminate();
    });
    this.#exited = new Promise((resolve) =>
      this.#worker.once("exit", () => {
        this.#end();
        resolve();
      }),
    );
  }

  static async open(options: LinkOptions): Promise<Opened> {
    const link = new EngineLink(options);
    try {
      const { timestamp, changes } = await link.#ready.promise;
      link.#holdWhileBusy();
      return { link, timestamp, changes: new ChangeCounter(changes) };
    } catch (error) {
      await link.kill();
      throw error;
    }
  }

  /** Whether calls are taken. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  async call<Name extends CallName>(
    name: Name,
    argument: Argument<Name>,
    { signal, transfer = [] }: CallOptions = {},
  ): Promise<Answer<Name>> {
    if (signal?.aborted) throw signal.reason;
    if (this.#state !== "open") throw this.#endedError();
    const outcome = await this.#settled(name, argument, signal, transfer);
    // Errors are made here, in the continuation of the caller, so that their stack shows who called.
    switch (outcome.kind) {
      case "value":
        return outcome.value as Answer<Name>;
      case "failure":
        throw errorOf(outcome.failure);
      case "aborted":
        throw outcome.reason;
      case "ended":
        throw this.#endedError();
    }
  }

  /** Waits for open calls, closes the engine, ends its thread. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends the thread as a crash would. For tests. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
    await this.#exited;
  }

  #settled(
    name: CallName,
    argument: Argument<CallName>,
    signal: AbortSignal | undefined,
    transfer: readonly ArrayBuffer[],
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const id = (this.#lastId += 1);
      const settle = (outcome: Outcome): void => {
        signal?.removeEventListener("abort", abort);
        resolve(outcome);
      };
      const call: OpenCall = {
        name,
        bytes: transfer.reduce((sum, buffer) => sum + buffer.byteLength, 0),
        start: () => {
          this.#waiting.delete(call);
          this.#started.set(id, call);
          try {
            this.#send({ kind: "call", id, name, argument }, transfer);
          } catch (error) {
            // A buffer that is gone, most likely: nothing was sent.
            this.#started.delete(id);
            this.#line.finish(call);
            settle({
              kind: "failure",
              failure: failureOf(invalidParameter(`cannot hand over the arguments: ${String(error)}`)),
            });
          }
        },
        settle,
      };
      const abort = (): void => {
        if (this.#line.withdraw(call)) {
          this.#waiting.delete(call);
          this.#holdWhileBusy();
        } else {
          this.#send({ kind: "abort", id });
        }
        settle({ kind: "aborted", reason: signal?.reason });
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(call);
      if (this.#line.enter(call)) return this.#holdWhileBusy();
      this.#waiting.delete(call);
      settle({ kind: "failure", failure: fullLine() });
    });
  }

  #send(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        return this.#ready.resolve(message);
      case "refused":
        this.#state = "closing";
        return this.#ready.reject(errorOf(message.failure));
      case "log":
        return this.#options.log?.(message.line);
      case "fatal":
        this.#ending = message.text;
        return;
      case "closed":
        this.#closeFailure = message.failure;
        void this.#worker.terminate();
        return;
      case "answer":
        return this.#finish(message.id, message.milliseconds, { kind: "value", value: message.value });
      case "failed":
        return this.#finish(message.id, message.milliseconds, { kind: "failure", failure: message.failure });
    }
  }

  #finish(id: number, milliseconds: number, outcome: Outcome): void {
    const call = this.#started.get(id);
    if (call === undefined) return;
    this.#started.delete(id);
    this.#line.finish(call);
    this.#holdWhileBusy();
    this.#options.onAnswer?.(call.name, milliseconds);
    call.settle(outcome);
  }

  #holdWhileBusy(): void {
    if (this.#state === "open" && this.#line.isIdle) this.#worker.unref();
    else this.#worker.ref();
  }

  async #close(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "closing";
    this.#worker.ref();
    await Promise.race([this.#line.whenIdle(), this.#exited]);
    if (!this.#isEnded()) this.#send({ kind: "close" });
    await this.#exited;
    if (this.#closeFailure !== null) throw errorOf(this.#closeFailure);
  }

  #isEnded(): boolean {
    return this.#state === "ended";
  }

  #end(): void {
    if (this.#state === "open" && this.#ending === "") this.#ending = "the thread was ended";
    this.#state = "ended";
    this.#ready.reject(this.#endedError());
    for (const call of [...this.#started.values(), ...this.#waiting]) call.settle({ kind: "ended" });
    this.#started.clear();
    this.#waiting.clear();
  }

  #endedError(): MilvusError {
    if (this.#ending === "") {
      return milvusError("ServiceNotReady", "this client was closed; connect() to the directory again");
    }
    return milvusError(
      "ServiceUnavailable",
      `the engine's thread ended (${this.#ending}): acknowledged writes are durable, the outcome of open calls is unknown; ` +
        "connect() to the directory again",
    );
  }
}

function fullLine(): Failure {
  const { maxWaitingCalls, maxWaitingBytes } = LINE_LIMITS;
  const advice = "await some of the calls that are open before making more";
  return failureOf(milvusError("ServiceTooManyRequests", advice, { maxWaitingCalls, maxWaitingBytes }));
}
