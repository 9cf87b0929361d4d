/**
 * The life of one simulated process: what it reaches outside of itself goes through here, is written into the hash of events, can be
 * watched by a scenario, and ends with the process.
 *
 * Always true: after `end` nothing of the process goes on. What it asked for before may still happen out there (a request on its way
 * arrives), but no answer ever comes back in, so its code stands still where it waited.
 */

import { encodeJson } from "../../src/base/json.ts";
import type { SimulatedProcess, SimulatedRuntime } from "./runtime.ts";

/** `log.append:before`, `meta.transaction:after`, `objects.put:before`…, with the call's arguments. */
export type Watcher = (point: string, parameters: readonly unknown[]) => void | Promise<void>;

export class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

export class Lifeline {
  readonly runtime: SimulatedProcess;
  /** Rejects with `ProcessDied` at the end. */
  readonly death: Promise<never>;
  readonly #world: SimulatedRuntime;
  readonly #watch: Watcher;
  readonly #died: () => void;

  constructor(world: SimulatedRuntime, watch: Watcher) {
    this.#world = world;
    this.#watch = watch;
    this.runtime = world.process();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.death = promise;
    this.#died = () => reject(new ProcessDied("the process died"));
  }

  get isAlive(): boolean {
    return this.runtime.isAlive;
  }

  end(): void {
    this.runtime.kill();
    this.#died();
  }

  /** The same object, as the process sees it. */
  attach<T extends object>(name: string, target: T): T {
    return new Proxy(target, {
      get: (_target, property) => {
        const member = Reflect.get(target, property) as unknown;
        if (typeof member !== "function" || typeof property !== "string") return member;
        if (property === "localPath") return member.bind(target) as unknown;
        if (property === "read" || property === "watch") {
          return (...parameters: unknown[]) =>
            this.#stream(`${name}.${property}`, member.apply(target, parameters) as AsyncIterable<unknown>);
        }
        return (...parameters: unknown[]) =>
          this.#call(`${name}.${property}`, parameters, () => member.apply(target, parameters) as Promise<unknown>);
      },
      set: (_target, property, value) => Reflect.set(target, property, value),
    });
  }

  async #call(point: string, parameters: readonly unknown[], action: () => Promise<unknown>): Promise<unknown> {
    await this.#reached(`${point}:before`, parameters);
    this.#world.record(point, encodeJson(parameters));
    let outcome: { readonly value: unknown } | { readonly error: unknown };
    try {
      outcome = { value: await action() };
    } catch (error) {
      outcome = { error };
    }
    await this.#reached(`${point}:after`, parameters);
    if ("error" in outcome) {
      this.#world.record(point, "failed", String(outcome.error));
      throw outcome.error;
    }
    const { value } = outcome;
    if (typeof value === "bigint") this.#world.record(point, value);
    // A writer, an upload: what it does is the process's doing as well.
    if (typeof value === "object" && value !== null && ("append" in value || "uploadPart" in value)) {
      return this.attach(point.replace(/\..*/, ""), value);
    }
    return value;
  }

  async *#stream(point: string, source: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const item of source) {
      await this.#reached(`${point}:next`, [item]);
      this.#world.record(point, encodeJson(item));
      yield item;
    }
    await this.#reached(`${point}:end`, []);
  }

  async #reached(point: string, parameters: readonly unknown[]): Promise<void> {
    if (this.isAlive) await this.#watch(point, parameters);
    if (!this.isAlive) await FOR_EVER;
  }
}

const FOR_EVER = new Promise<never>(() => undefined);
