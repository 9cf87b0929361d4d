/**
 * `grpc.health.v1.Health`, the service that probes ask. Its two messages have one field each:
 *
 *   HealthCheckRequest   1 service: string
 *   HealthCheckResponse  1 status: enum (1 serving, 2 not serving, 3 unknown service; only Watch says 3)
 */

import { WireReader } from "../wire/reader.ts";
import { GrpcCode, GrpcFailure } from "./failure.ts";

const ServingStatus = { Serving: 1, NotServing: 2, ServiceUnknown: 3 } as const;

export class Health {
  /** The empty name stands for the whole server. */
  readonly #services = new Set([""]);
  #serving = true;
  #stopped = false;
  #changed = Promise.withResolvers<void>();

  addService(name: string): void {
    this.#services.add(name);
  }

  setServing(serving: boolean): void {
    if (this.#serving === serving) return;
    this.#serving = serving;
    this.#announce();
  }

  /** Ends all watches. */
  stop(): void {
    this.#stopped = true;
    this.#announce();
  }

  async check(request: Uint8Array): Promise<Uint8Array> {
    const service = requestedService(request);
    if (!this.#services.has(service)) throw new GrpcFailure(GrpcCode.NotFound, `unknown service ${service}`);
    return response(this.#status(service));
  }

  async *watch(request: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const service = requestedService(request);
    let told = 0;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      const status = this.#status(service);
      if (status !== told) yield response(status);
      told = status;
      if (this.#stopped) return;
      await Promise.race([changed, aborted]);
    }
  }

  #status(service: string): number {
    if (!this.#services.has(service)) return ServingStatus.ServiceUnknown;
    return this.#serving ? ServingStatus.Serving : ServingStatus.NotServing;
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function requestedService(request: Uint8Array): string {
  const reader = new WireReader(request);
  let service = "";
  while (reader.next()) {
    if (reader.is(1, 2)) service = reader.text();
    else reader.skip();
  }
  return service;
}

function response(status: number): Uint8Array {
  return Uint8Array.of(0x08, status);
}
