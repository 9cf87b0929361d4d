/**
 * Hostile requests: good ones of every kind with bytes, lengths and numbers changed, cut, doubled, and pieces of others put in. They go to
 * the methods of a server with every role behind it, everything in memory.
 *
 * A fault is: an error that is none of the table, a promise of a method that is neither an answer nor a refusal of the call, an answer that
 * takes longer than `LATE_MILLISECONDS`, a server that does not go on.
 */

import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { Random } from "../../src/expr/testing/random.ts";
import { GrpcFailure } from "../../src/server/grpc/failure.ts";
import { int64s, ok, service } from "../../src/server/milvus/testing/messages.ts";
import { ABOUT, METHODS } from "../../src/server/milvus/service.ts";
import { WireError } from "../../src/server/wire/wire-error.ts";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";
import { BOOKS, type Fixture, goodColumns, openFixture } from "../bad-input/fixture.ts";
import { REQUESTS } from "../bad-input/requests.ts";

const LATE_MILLISECONDS = 10_000;
/** Collections pile up that mutated requests have made. */
const REQUESTS_A_SERVER = 20_000;

export interface HostileRequest {
  readonly method: string;
  readonly bytes: Uint8Array;
}

export class Requests {
  readonly #random: Random;
  readonly #corpus: HostileRequest[];
  readonly #outcomes = new Map<string, HostileRequest>();
  #fixture: Fixture | null = null;
  #sent = 0;

  constructor(seed: number, corpus: readonly HostileRequest[]) {
    this.#random = new Random(seed);
    const good = REQUESTS.map(({ method, bytes }) => ({ method: method.name, bytes }));
    this.#corpus = [...good, ...corpus];
  }

  get sent(): number {
    return this.#sent;
  }

  /** A request for each kind of answer that was met first by it. */
  get interesting(): readonly HostileRequest[] {
    return [...this.#outcomes.values()];
  }

  async corpus(): Promise<void> {
    for (const request of this.#corpus) await this.#send(request);
  }

  async step(): Promise<void> {
    const { method, bytes } = this.#random.pick(this.#corpus);
    const request = { method, bytes: this.#mutated(bytes) };
    if (await this.#send(request)) this.#corpus.push(request);
  }

  async close(): Promise<void> {
    await this.#fixture?.close();
    this.#fixture = null;
  }

  /** Whether the answer was of a kind that was not met before. */
  async #send(request: HostileRequest): Promise<boolean> {
    if (this.#sent % REQUESTS_A_SERVER === 0) {
      await this.#goesOn();
      await this.close();
      this.#fixture = await openFixture();
    }
    this.#sent += 1;
    const outcome = await this.#outcomeOf(request);
    if (this.#outcomes.has(outcome)) return false;
    this.#outcomes.set(outcome, request);
    return true;
  }

  async #goesOn(): Promise<void> {
    if (this.#fixture === null) return;
    const fieldsData = goodColumns(int64s("id", [701, 702, 703]));
    const request = { collectionName: BOOKS, fieldsData, numRows: 3 };
    const answer = await this.#fixture.client.call(service.insert, request);
    // It may have been dropped, or have got fields that are missing here.
    if (answer.status?.code !== 0)
      ok(await this.#fixture.client.call(service.listDatabases, {}).then(({ status }) => status!));
  }

  async #outcomeOf({ method, bytes }: HostileRequest): Promise<string> {
    const fixture = this.#fixture!;
    const path = `/${MilvusService.typeName}/${method}`;
    const { handle } = METHODS.find((candidate) => candidate.path === path)!;
    const controller = new AbortController();
    const call = {
      metadata: new Map<string, string>(),
      deadlineMilliseconds: null,
      signal: controller.signal,
      peer: "fuzz",
      pause: async () => undefined,
    };
    const about = { ...ABOUT, onFault: (_: string, thrown: unknown): never => this.#fault(method, bytes, thrown) };
    const late = setTimeout(() => controller.abort(new Error("too late")), LATE_MILLISECONDS);
    try {
      // The bytes of a request are the method's to overwrite.
      const answer = await handle(bytes.slice(), { proxy: fixture.server.proxy, call, about });
      const whole = answer instanceof Uint8Array ? answer : Buffer.concat(answer);
      const descriptor = MilvusService.methods.find(({ name }) => name === method)!;
      const decoded: object = fromBinary(descriptor.output, whole);
      const { code, reason } = ("status" in decoded ? decoded.status : decoded) as { code: number; reason: string };
      assert.ok(code !== 65_535, reason);
      return `${method} ${code} ${reason
        .split(/[^a-zA-Z]+/, 5)
        .join(" ")
        .slice(0, 40)}`;
    } catch (error) {
      if (error instanceof GrpcFailure || error instanceof WireError) return `${method} refused`;
      return this.#fault(method, bytes, error);
    } finally {
      clearTimeout(late);
      assert.deepEqual(fixture.server.faults, []);
    }
  }

  #fault(method: string, bytes: Uint8Array, thrown: unknown): never {
    const line = JSON.stringify({ method, bytes: Buffer.from(bytes).toString("base64") });
    throw new Error(`request ${this.#sent} is a fault of the server; it belongs into the corpus: ${line}`, {
      cause: thrown,
    });
  }

  #mutated(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    let result = Buffer.from(bytes);
    for (let times = 1 + random.below(4); times > 0 && result.length > 0; times -= 1) {
      const at = random.below(result.length);
      switch (random.below(7)) {
        case 0:
          result[at] = random.below(256);
          break;
        case 1:
          result[at]! ^= 1 << random.below(8);
          break;
        case 2:
          result = result.subarray(0, at);
          break;
        case 3:
          result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1 + random.below(4))]);
          break;
        case 4:
          result = Buffer.concat([result, result.subarray(at)]);
          break;
        case 5: {
          // A number as a varint of ten bytes, or one that is much too large.
          const wide = Buffer.from(random.pick(["ffffffffffffffffff01", "8080808008", "ffffffff07", "00"]), "hex");
          result = Buffer.concat([result.subarray(0, at), wide, result.subarray(at + 1)]);
          break;
        }
        default: {
          const other = Buffer.from(random.pick(this.#corpus).bytes);
          const start = random.below(other.length + 1);
          const piece = other.subarray(start, start + random.below(64));
          result = Buffer.concat([result.subarray(0, at), piece, result.subarray(at)]);
        }
      }
    }
    return result.subarray(0, 1 << 20);
  }
}
