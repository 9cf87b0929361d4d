/**
 * What clients ask of the proxy and what they get, free of any wire format. The gRPC server, and the client inside the process, both
 * speak this.
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { TemplateValues } from "../expr/templates.ts";
import type { AggregationSpec, Bucket } from "../model/buckets.ts";
import type { Column, FixedValues, KeyColumn } from "../model/columns.ts";
import type { QueryVectors } from "../model/queries.ts";
import type { KeyValue } from "../model/schema.ts";
import type { ConsistencyLevel, DataType } from "../model/types.ts";
import type { DenseVectorType, VectorValues } from "../model/vectors.ts";
import type { SearchExplanation } from "./explain.ts";
import type { ArrayOperation } from "./array-operations.ts";

/** A collection by name or alias in a database; the empty database is `default`. */
export interface Target {
  readonly databaseName: string;
  readonly collectionName: string;
}

/** A field as a user declares it. */
export interface DeclaredField {
  readonly name: string;
  readonly description: string;
  readonly dataType: number;
  readonly elementType: number;
  readonly isPrimaryKey: boolean;
  readonly autoId: boolean;
  readonly isPartitionKey: boolean;
  readonly isClusteringKey: boolean;
  readonly isDynamic: boolean;
  readonly isFunctionOutput: boolean;
  readonly nullable: boolean;
  readonly defaultValue: {
    readonly kind: "bool" | "int" | "long" | "float" | "double" | "string" | "time" | "other";
    readonly value: unknown;
  } | null;
  readonly typeParams: readonly KeyValue[];
}

/** An array of structs; its fields are arrays. */
export interface DeclaredStruct {
  readonly name: string;
  readonly description: string;
  readonly nullable: boolean;
  readonly fields: readonly DeclaredField[];
  readonly typeParams: readonly KeyValue[];
}

export interface DeclaredSchema {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly DeclaredField[];
  readonly enableDynamicField: boolean;
  readonly functionCount: number;
  readonly structs: readonly DeclaredStruct[];
}

export interface CreateCollectionRequest extends Target {
  readonly schema: DeclaredSchema;
  readonly shardsNum: number;
  readonly consistencyLevel: ConsistencyLevel;
  readonly properties: readonly KeyValue[];
  readonly partitionCount: number;
}

export type InputScalars =
  | { readonly kind: "fixed"; readonly values: FixedValues }
  | { readonly kind: "bytes"; readonly offsets: Uint32Array; readonly bytes: Uint8Array };

/** One column as it was sent; nothing about it has been checked against a schema. */
export interface InputField {
  readonly type: number;
  readonly fieldName: string;
  readonly isDynamic: boolean;
  /** One byte an entry; null when the sender gave none. */
  readonly valid: Uint8Array | null;
  readonly column:
    | InputScalars
    | {
        readonly kind: "array";
        readonly elementType: number;
        /** In elements, one more than entries. */
        readonly offsets: Uint32Array;
        /** Null when there are none. */
        readonly elements: InputScalars | null;
      }
    | {
        /** Arrays of vectors. */
        readonly kind: "vectors";
        readonly dimension: number;
        /** In entries of the values, one more than arrays. */
        readonly offsets: Uint32Array;
        /** Null when there are none. */
        readonly vectors: { readonly type: DenseVectorType; readonly values: VectorValues } | null;
      }
    | {
        readonly kind: "vector";
        readonly type: DenseVectorType;
        readonly dimension: number;
        readonly values: VectorValues;
      }
    | {
        readonly kind: "sparse";
        readonly dimension: number;
        readonly offsets: Uint32Array;
        readonly bytes: Uint8Array;
      }
    | null;
  readonly unsupported: boolean;
  readonly rowCount: number;
  /** Of an array of structs, which has no column of its own. */
  readonly subFields?: readonly InputField[];
}

export interface InsertRequest extends Target {
  readonly partitionName: string;
  readonly fields: readonly InputField[];
  readonly rowCount: number;
  /** The update timestamp of the schema that the client knows; 0n: it does not say. */
  readonly schemaTimestamp: Timestamp;
  /** Of an upsert: fields that were not sent keep their values. Absent: whole rows were sent. */
  readonly isPartial?: boolean;
  /** Of a partial update: what is done to the arrays of a field; the others are replaced. */
  readonly arrayOperations?: ReadonlyMap<string, ArrayOperation>;
  /** A name for this write: sent again under it, it does nothing and is answered as before. Absent or empty: none. */
  readonly idempotencyKey?: string;
}

export interface MutationResponse {
  readonly keys: KeyColumn;
  readonly rowCount: number;
  readonly timestamp: Timestamp;
}

export interface DeleteRequest extends Target {
  readonly partitionName: string;
  readonly expression: string;
  readonly templates: TemplateValues;
  readonly consistencyLevel: ConsistencyLevel;
}

export interface DeleteResponse {
  readonly deleteCount: number;
  readonly timestamp: Timestamp;
}

/** How fresh a read has to be. */
export interface Freshness {
  readonly consistencyLevel: ConsistencyLevel;
  readonly useDefaultConsistency: boolean;
  readonly guaranteeTimestamp: Timestamp;
  /** Rows as they were then; absent or 0: as they are. */
  readonly asOf?: Timestamp;
}

/** One search for nearest rows. */
export interface SubSearch {
  readonly expression: string;
  readonly templates: TemplateValues;
  /**
   * `type` is the placeholder's. `valueBytes` is the length of one dense vector as it was sent; where they differ, or are no whole
   * entries, `values` is empty and it is the length of one that cannot be right.
   */
  readonly queries: {
    readonly type: number;
    readonly values: QueryVectors;
    readonly queryCount: number;
    readonly valueBytes?: number;
  };
  readonly params: ReadonlyMap<string, string>;
}

export interface SearchRequest extends Target, Freshness, SubSearch {
  /** The vectors of these rows are the queries; `queries` says nothing then. */
  readonly keys?: KeyColumn;
  readonly partitionNames: readonly string[];
  readonly outputFields: readonly string[];
  /** Buckets are wanted instead of hits. */
  readonly aggregation?: AggregationSpec;
  /** Null or absent: hits are ordered by their scores. */
  readonly rerank?: FunctionScore | null;
  /** The same one of requests that are alike in everything but database and vectors; absent: nobody knows. */
  readonly shape?: object;
}

/** A function of a function score, as it was sent. */
export interface RerankFunction {
  readonly type: number;
  readonly inputFieldNames: readonly string[];
  readonly outputFieldNames: readonly string[];
  readonly params: ReadonlyMap<string, string>;
}

export interface FunctionScore {
  readonly functions: readonly RerankFunction[];
  /** How they go together. */
  readonly params: ReadonlyMap<string, string>;
}

export interface HybridSearchRequest extends Target, Freshness {
  readonly partitionNames: readonly string[];
  readonly outputFields: readonly string[];
  readonly searches: readonly SubSearch[];
  readonly rankParams: ReadonlyMap<string, string>;
  /** Null: none was sent, `rankParams` says how. */
  readonly rerank: FunctionScore | null;
}

/** A column of an answer. `$meta` restricted to some keys keeps its name and is dynamic. */
export interface OutputField {
  readonly name: string;
  readonly fieldId: bigint;
  readonly type: DataType;
  readonly isDynamic: boolean;
  readonly column: Column;
  /** Of an array of structs: its columns, by their bare names; `column` is the first of them. */
  readonly subFields?: readonly OutputField[];
}

export interface SearchResponse {
  readonly collectionName: string;
  /** Hits of each query. */
  readonly counts: Uint32Array;
  readonly limit: number;
  readonly keys: KeyColumn;
  readonly scores: Float32Array;
  /** Of a search of elements: which of its row's array each hit is. */
  readonly elements?: Uint32Array;
  readonly fields: readonly OutputField[];
  readonly outputFields: readonly string[];
  readonly primaryFieldName: string;
  readonly sessionTimestamp: Timestamp;
  /** The group of each hit, in a search by groups: a column for each part; `isSingular`: in the place for one. */
  readonly groupBy: { readonly fields: readonly OutputField[]; readonly isSingular: boolean } | null;
  /** Of each query, in a search that wants buckets. */
  readonly buckets: readonly (readonly Bucket[])[] | null;
  /** What the next page of an iterator is asked with; null for other searches. */
  readonly iterator: { readonly token: string; readonly lastBound: number } | null;
  /** What was done, where the search asks for it. */
  readonly explanation: SearchExplanation | null;
}

export interface QueryRequest extends Target, Freshness {
  readonly partitionNames: readonly string[];
  readonly expression: string;
  readonly templates: TemplateValues;
  readonly outputFields: readonly string[];
  readonly params: ReadonlyMap<string, string>;
}

/** Of each row, from `offsets[row]` to `offsets[row + 1]`, the places in its array of structs that pass an `element_filter`. */
export interface PickedElements {
  readonly offsets: Uint32Array;
  readonly places: Uint32Array;
}

export interface QueryResponse {
  readonly collectionName: string;
  readonly fields: readonly OutputField[];
  readonly outputFields: readonly string[];
  readonly primaryFieldName: string;
  readonly sessionTimestamp: Timestamp;
  /** Of a query with `element_filter`. */
  readonly elements?: PickedElements;
}
