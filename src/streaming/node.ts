/**
 * The streaming node: owner of log channels. It appends, keeps growing rows, flushes them, and answers reads through its delegators.
 */

import { milvusError } from "../base/errors.ts";
import { MessageType } from "../model/message.ts";
import { physicalChannel } from "../model/schema.ts";
import {
  COORDINATOR,
  type CoordinatorService,
  QUERY,
  type QueryService,
  STREAMING,
  type StreamingService,
} from "../rpc/services.ts";
import type { Implementation } from "../rpc/transport.ts";
import { Admission, MEMORY_EXCEEDED } from "./admission.ts";
import { appendAlteration } from "./alter.ts";
import { Channel } from "./channel.ts";
import type { Delegator } from "./delegator.ts";
import type { StreamingContext, StreamingOptions } from "./context.ts";
import { Leases } from "./leases.ts";
import { type ReadContext, aggregate, count, fetch, lend, retrieve, search } from "./reads.ts";
import { type GrowingState, SealPolicy } from "./seal-policy.ts";

export class StreamingNode {
  readonly #context: StreamingContext;
  readonly #channels = new Map<string, Channel>();
  readonly #opening = new Map<string, Promise<Channel>>();
  readonly #leases: Leases;
  readonly #admission: Admission;
  readonly #stopServing: () => void;

  constructor(options: StreamingOptions) {
    this.#leases = new Leases(options.runtime);
    this.#context = {
      ...options,
      coordinator: options.transport.client<CoordinatorService>(COORDINATOR),
      query: options.transport.client<QueryService>(QUERY),
      sealPolicy: new SealPolicy(
        options.runtime,
        options.limits,
        () => this.#growingStates(),
        (state) => this.#seal(state),
      ),
    };
    this.#admission = new Admission(
      options.runtime,
      options.limits.refuseBytes,
      () => this.#growingStates().reduce((sum, { bytes }) => sum + bytes, 0),
      () => this.#context.sealPolicy.checkNow(),
    );
    this.#stopServing = options.transport.serve<StreamingService>(STREAMING, this.#implementation());
  }

  /** Stops taking work, waits for appends and the flush at work. */
  async close(): Promise<void> {
    this.#stopServing();
    this.#context.sealPolicy.stop();
    for (const opening of this.#opening.values()) await opening.catch(() => undefined);
    this.#leases.releaseAll();
    for (const channel of this.#channels.values()) await channel.close();
  }

  #implementation(): Implementation<StreamingService> {
    return {
      assignChannel: async ({ channel, term }) => {
        const known = this.#channels.get(channel);
        if (known !== undefined && known.term >= term) return;
        await known?.close();
        let opening = this.#opening.get(channel);
        if (opening === undefined) {
          opening = Channel.open(channel, term, this.#context).finally(() => this.#opening.delete(channel));
          this.#opening.set(channel, opening);
        }
        this.#channels.set(channel, await opening);
        // While the replay ran there was no channel to look at.
        if (this.#growingStates().some(({ oldest }) => oldest !== null)) this.#context.sealPolicy.arm();
      },
      pressure: async () => ({ reason: this.#admission.isFull() ? MEMORY_EXCEEDED : null }),
      append: async ({ virtualChannel, messages }) => {
        const altered = messages.find((message) => message.type === MessageType.AlterCollection);
        if (altered !== undefined) {
          return { timeTick: await appendAlteration(this.#channel(virtualChannel), virtualChannel, altered) };
        }
        await this.#admission.enter(messages);
        const { timeTick } = await this.#channel(virtualChannel).wal.append(virtualChannel, messages);
        return { timeTick };
      },
      write: async ({ parts, idempotencyKey }) => {
        await this.#admission.enter(parts.flatMap(({ messages }) => messages));
        const { wal } = this.#channel(parts[0]!.virtualChannel);
        return await wal.write(
          parts.map(({ virtualChannel, messages }) => ({ channel: virtualChannel, messages })),
          idempotencyKey,
        );
      },
      flush: async ({ virtualChannel, collectionId, partitionId }) => {
        const { wal } = this.#channel(virtualChannel);
        const { timeTick, messages } = await wal.flush(virtualChannel, collectionId, partitionId);
        // The flusher gets to know of it when the record is applied.
        await wal.waitFor(timeTick);
        return {
          timeTick,
          segmentIds: messages.flatMap((message) => ("segmentIds" in message ? message.segmentIds : [])),
        };
      },
      isFlushed: async ({ virtualChannel, timeTick }) => ({
        flushed: await this.#channel(virtualChannel).isFlushed(virtualChannel, timeTick),
      }),
      growingSegments: async ({ collectionId }) => ({
        flushing: [...this.#channels.values()].flatMap((channel) => channel.flushing()),
        segments: this.#delegators()
          .filter((delegator) => delegator.collection.collectionId === collectionId)
          .flatMap((delegator) =>
            delegator
              .growing()
              .filter(({ flushed }) => !flushed)
              .map(({ segment }) => ({
                segmentId: segment.segmentId,
                collectionId,
                partitionId: segment.partitionId,
                virtualChannel: delegator.virtualChannel,
                rowCount: segment.rowCount,
                memoryBytes: segment.memoryBytes,
              })),
          ),
      }),
      oldestRead: async ({ virtualChannel }) => ({
        timestamp: this.#channel(virtualChannel).delegator(virtualChannel).readMarks.oldest(),
      }),
      setTarget: (target) => this.#channel(target.virtualChannel).delegator(target.virtualChannel).setTarget(target),
      search: ({ virtualChannel, plans, keep, ...time }, { signal }) =>
        search(this.#reads(virtualChannel), plans, keep, time, signal),
      retrieve: ({ virtualChannel, plan, ...time }, { signal }) =>
        retrieve(this.#reads(virtualChannel), plan, time, signal),
      count: ({ virtualChannel, plan, ...time }, { signal }) => count(this.#reads(virtualChannel), plan, time, signal),
      aggregate: ({ virtualChannel, plan, ...time }, { signal }) =>
        aggregate(this.#reads(virtualChannel), plan, time, signal),
      fetch: async ({ virtualChannel, leaseId, fieldIds, places }) => ({
        batch: await fetch(this.#reads(virtualChannel), leaseId, fieldIds, places),
      }),
      lend: ({ virtualChannel, search: wanted, guarantee }) => lend(this.#reads(virtualChannel), wanted, guarantee),
      releaseLease: async ({ leaseId }) => this.#leases.release(leaseId),
    };
  }

  #channel(virtualChannel: string): Channel {
    const name = physicalChannel(virtualChannel);
    const channel = this.#channels.get(name);
    if (channel === undefined) throw milvusError("ChannelMisrouted", "", { channel: name });
    return channel;
  }

  #reads(virtualChannel: string): ReadContext {
    const channel = this.#channel(virtualChannel);
    const { query, runtime } = this.#context;
    return { wal: channel.wal, delegator: channel.delegator(virtualChannel), leases: this.#leases, query, runtime };
  }

  #delegators(): Delegator[] {
    return [...this.#channels.values()].flatMap((channel) => channel.delegators);
  }

  #growingStates(): GrowingState[] {
    return [...this.#channels.values()].flatMap((channel) => channel.growingStates());
  }

  async #seal({ virtualChannel, collectionId }: GrowingState): Promise<void> {
    await this.#channel(virtualChannel).wal.flush(virtualChannel, collectionId, null);
  }
}
