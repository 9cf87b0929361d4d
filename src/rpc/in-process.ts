/**
 * The transport of one process: a call is a function call with the deadlines, cancellation and errors of the network.
 *
 * With `isolate` every message is copied on its way, so that a test which passes proves the same for a real network; without it,
 * messages are handed over as they are, and the contract alone keeps the two sides apart.
 */

import { assert } from "../base/assert.ts";
import { asMilvusError, milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { NEVER } from "./transport.ts";
import type { Call, CallOptions, Client, Implementation, Transport } from "./transport.ts";

type Method = (request: unknown, call: Call) => Promise<unknown>;

export class InProcessTransport implements Transport {
  readonly #runtime: Runtime;
  readonly #isolate: boolean;
  readonly #services = new Map<string, ReadonlyMap<string, Method>>();

  constructor(runtime: Runtime, options: { readonly isolate?: boolean } = {}) {
    this.#runtime = runtime;
    this.#isolate = options.isolate ?? false;
  }

  serve<S extends object>(name: string, implementation: Implementation<S>): () => void {
    assert(!this.#services.has(name), `the service ${name} is served once`);
    const methods = new Map(Object.entries(implementation) as [string, Method][]);
    this.#services.set(name, methods);
    return () => {
      if (this.#services.get(name) === methods) this.#services.delete(name);
    };
  }

  client<S extends object>(name: string): Client<S> {
    const methods = new Map<string, (request: unknown, options?: CallOptions) => Promise<unknown>>();
    return new Proxy({} as Client<S>, {
      get: (_target, property) => {
        // A client is not a promise: `await` must not take `then` for a method.
        if (typeof property !== "string" || property === "then") return undefined;
        let method = methods.get(property);
        if (method === undefined) {
          method = (request, options) => this.#call(name, property, request, options ?? {});
          methods.set(property, method);
        }
        return method;
      },
    });
  }

  /** Not asynchronous itself: a search makes four calls, and each promise of a call counts in what one takes. */
  #call(service: string, property: string, request: unknown, options: CallOptions): Promise<unknown> {
    const methods = this.#services.get(service);
    if (methods === undefined) return Promise.reject(milvusError("ServiceUnavailable", "", { service }));
    const method = methods.get(property);
    if (method === undefined) {
      return Promise.reject(milvusError("ServiceUnimplemented", "", { service, method: property }));
    }
    const { timeoutMilliseconds, signal = NEVER } = options;
    if (signal.aborted) return Promise.reject(milvusError("ContextCanceled"));
    if (timeoutMilliseconds !== undefined) return this.#within(timeoutMilliseconds, method, request, signal);
    return signal === NEVER ? this.#run(method, request, NEVER) : this.#untilGivenUp(method, request, signal);
  }

  /** The method hears of the caller's own signal: a search makes several calls, and a signal for each would cost more than the calls. */
  #untilGivenUp(method: Method, request: unknown, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(milvusError("ContextCanceled"));
      signal.addEventListener("abort", giveUp, { once: true });
      this.#run(method, request, signal).then(
        (answer) => {
          signal.removeEventListener("abort", giveUp);
          resolve(answer);
        },
        (error: unknown) => {
          signal.removeEventListener("abort", giveUp);
          reject(error as Error);
        },
      );
    });
  }

  async #within(milliseconds: number, method: Method, request: unknown, signal: AbortSignal): Promise<unknown> {
    const controller = new AbortController();
    const giveUp = (): void => controller.abort(milvusError("ContextCanceled"));
    signal.addEventListener("abort", giveUp, { once: true });
    const timer = this.#runtime.after(milliseconds, () => controller.abort(milvusError("ContextDeadlineExceeded")));
    try {
      const ended = new Promise<never>((_resolve, reject) => {
        controller.signal.addEventListener("abort", () => reject(controller.signal.reason as Error), { once: true });
      });
      return await Promise.race([this.#run(method, request, controller.signal), ended]);
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", giveUp);
    }
  }

  #run(method: Method, request: unknown, signal: AbortSignal): Promise<unknown> {
    if (this.#isolate) return this.#runApart(method, request, signal);
    try {
      return method(request, signal === NEVER ? UNENDING : { signal }).catch(refuse);
    } catch (error) {
      return Promise.reject(asMilvusError(error));
    }
  }

  async #runApart(method: Method, request: unknown, signal: AbortSignal): Promise<unknown> {
    const sent = structuredClone(request);
    try {
      return structuredClone(await method(sent, { signal }));
    } catch (error) {
      return refuse(error);
    }
  }
}

const UNENDING: Call = { signal: NEVER };

function refuse(error: unknown): never {
  throw asMilvusError(error);
}
