/**
 * What the user's thread asks of the engine's thread, and the messages in which it asks: plain data that structured clone carries.
 *
 * Always true:
 *  - every call has one argument and exactly one answer, matched by `id`;
 *  - an error crosses as its name in the error table and its text; nothing else of it is needed on the other side.
 */

import { type ErrorName, MilvusError, asMilvusError } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { EngineLimits } from "../engine/limits.ts";
import type { KeyColumn } from "../model/columns.ts";
import type { KeyValue } from "../model/schema.ts";
import type { LendRequest, LentCollection } from "../proxy/lend.ts";
import type {
  CreateCollectionRequest,
  DeclaredField,
  DeclaredStruct,
  DeleteRequest,
  DeleteResponse,
  HybridSearchRequest,
  InsertRequest,
  QueryRequest,
  QueryResponse,
  SearchRequest,
  SearchResponse,
  Target,
} from "../proxy/requests.ts";
import type { DescribedCollection } from "../rpc/services.ts";

export interface IndexRequest {
  readonly fieldName: string;
  readonly indexName: string;
  readonly params: readonly KeyValue[];
}

export interface CollectionState extends DescribedCollection {
  readonly isLoaded: boolean;
}

export interface CollectionCounts {
  readonly rowCount: number;
  readonly growingSegmentCount: number;
  readonly flushedSegmentCount: number;
}

export interface Written {
  readonly keys: KeyColumn;
  readonly timestamp: Timestamp;
}

interface PartitionsOf extends Target {
  readonly partitionNames: readonly string[] | null;
}

/** Argument and answer of every call. */
export interface EngineCalls {
  createCollection(request: {
    readonly create: CreateCollectionRequest;
    readonly indexes: readonly IndexRequest[];
    readonly load: boolean;
  }): void;
  dropCollection(target: Target): void;
  renameCollection(request: Target & { readonly newName: string }): void;
  hasCollection(target: Target): boolean;
  listCollections(request: { readonly databaseName: string }): readonly string[];
  describeCollection(target: Target): CollectionState;
  createIndex(request: Target & IndexRequest): void;
  dropIndex(request: Target & { readonly indexName: string }): void;
  loadCollection(request: PartitionsOf): void;
  releaseCollection(request: PartitionsOf): void;
  createPartition(request: Target & { readonly partitionName: string }): void;
  dropPartition(request: Target & { readonly partitionName: string }): void;
  createAlias(request: Target & { readonly alias: string }): void;
  alterAlias(request: Target & { readonly alias: string }): void;
  dropAlias(request: { readonly databaseName: string; readonly alias: string }): void;
  insert(request: InsertRequest): Written;
  upsert(request: InsertRequest): Written;
  delete(request: DeleteRequest): DeleteResponse;
  search(request: SearchRequest): SearchResponse;
  query(request: QueryRequest): QueryResponse;
  hybridSearch(request: HybridSearchRequest): SearchResponse;
  lend(request: LendRequest): LentCollection | null;
  timestamp(request: object): Timestamp;
  addField(request: Target & { readonly field: DeclaredField }): void;
  addStruct(request: Target & { readonly struct: DeclaredStruct }): void;
  dropField(request: Target & { readonly fieldName: string }): void;
  truncateCollection(target: Target): void;
  alterCollection(
    request: Target & { readonly properties: readonly KeyValue[]; readonly deleteKeys: readonly string[] },
  ): void;
  flush(target: Target): void;
  count(target: Target): CollectionCounts;
}

export type CallName = keyof EngineCalls;
export type Argument<Name extends CallName> = Parameters<EngineCalls[Name]>[0];
export type Answer<Name extends CallName> = ReturnType<EngineCalls[Name]>;

export interface WorkerSettings {
  readonly directory: string;
  readonly limits: Partial<EngineLimits>;
  /** Whether lines of the log are wanted. */
  readonly wantsLog: boolean;
}

export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: CallName; readonly argument: Argument<CallName> }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "close" };

export type FromWorker =
  | { readonly kind: "ready"; readonly timestamp: Timestamp; readonly changes: SharedArrayBuffer }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "answer"; readonly id: number; readonly value: Answer<CallName>; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure; readonly milliseconds: number }
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "fatal"; readonly text: string }
  | { readonly kind: "closed"; readonly failure: Failure | null };

export interface Failure {
  readonly errorName: ErrorName;
  readonly text: string;
  /** Where in the engine it came from. */
  readonly stack: string;
}

export function failureOf(thrown: unknown): Failure {
  const error = asMilvusError(thrown);
  const origin = error.cause instanceof Error ? error.cause : error;
  return { errorName: error.kind, text: error.message, stack: origin.stack ?? "" };
}

/** The same error, with the engine's stack as that of its cause. */
export function errorOf(failure: Failure): MilvusError {
  const origin = new Error("in the engine's thread");
  origin.stack = failure.stack;
  return new MilvusError(failure.errorName, failure.text, origin);
}
