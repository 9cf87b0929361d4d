/**
 * How a program describes a collection, and the request it becomes. What is allowed is decided by the engine, in Milvus's words.
 */

import { invalidParameter } from "../base/errors.ts";
import {
  type CollectionSchema,
  type FieldSchema,
  type KeyValue,
  type StructSchema,
  arrayCapacity,
} from "../model/schema.ts";
import { bareName, structOfField, subFieldName, subFields } from "../model/structs.ts";
import { formatTimestamptz, timeZoneOf } from "../model/timestamptz.ts";
import type { Metric } from "../model/types.ts";
import { ConsistencyLevel, DataType, dataTypeName, isVectorType } from "../model/types.ts";
import { declaredField } from "../proxy/declared-field.ts";
import type { CreateCollectionRequest, DeclaredField, DeclaredStruct, Target } from "../proxy/requests.ts";
import type { Argument, CollectionState, IndexRequest } from "./calls.ts";
import type { FieldValue } from "./values.ts";

/** Milvus's name of a type: `Int64`, `VarChar`, `FloatVector`… */
export type FieldType = Exclude<keyof typeof DataType, "None">;

/**
 * Numbers: `L2`, `IP`, `COSINE`. Bits: `HAMMING`, `JACCARD`, `SUBSTRUCTURE`, `SUPERSTRUCTURE`, `MHJACCARD`. Sparse vectors: `IP`. Of `IP`,
 * `COSINE` and `MHJACCARD` a larger score is nearer, of the others a smaller one.
 */
export type MetricType = Metric;

/**
 * How fresh a read is. `Session` (what this client reads with unless told): everything this client wrote before. `Strong`: everything
 * that anybody wrote before. `Bounded`: at most 5 s behind. `Eventually`: whatever is there.
 */
export type ConsistencyLevelName = "Strong" | "Session" | "Bounded" | "Eventually";

export interface FieldOptions {
  readonly name: string;
  readonly type: FieldType;
  readonly description?: string;
  /** Exactly one field is it, Int64 or VarChar. */
  readonly primaryKey?: boolean;
  /** The engine makes the keys; rows leave them out. */
  readonly autoId?: boolean;
  /** Rows are spread over partitions by this field's value. */
  readonly partitionKey?: boolean;
  readonly clusteringKey?: boolean;
  /** Components of a dense vector: 2 to 32,768; bits of a binary one, a multiple of 8. Sparse vectors have none. */
  readonly dimension?: number;
  /** Bytes of UTF-8 that a VarChar, or an element of an Array of them, may have: 1 to 65,535. */
  readonly maxLength?: number;
  /** What an Array holds: `Bool`, `Int8` to `Int64`, `Float`, `Double` or `VarChar`. */
  readonly elementType?: FieldType;
  /** How many elements an Array, or an ArrayOfStruct, may have: 1 to 4,096. */
  readonly maxCapacity?: number;
  /** Of an ArrayOfStruct: what each element has. Indexes and filters name them `field[name]`. */
  readonly fields?: readonly SubFieldOptions[];
  readonly nullable?: boolean;
  /** What a row that leaves the field out, or has null there, gets. */
  readonly default?: boolean | number | bigint | string;
}

/** Of the elements of an ArrayOfStruct: a scalar that an Array can hold, or a dense vector. */
export type SubFieldOptions = Pick<FieldOptions, "name" | "type" | "description" | "dimension" | "maxLength">;

export interface IndexOptions {
  readonly field: string;
  readonly indexName?: string;
  /** `AUTOINDEX` if not given; also `FLAT`, `HNSW`, `IVF_FLAT`… */
  readonly indexType?: string;
  /** If not given `COSINE`; for bits `HAMMING`, for sparse vectors `IP`. */
  readonly metricType?: MetricType;
  /** As in Milvus: `{ M: 16, efConstruction: 200 }`. */
  readonly params?: Readonly<Record<string, FieldValue>>;
}

interface CommonOptions {
  readonly name: string;
  readonly description?: string;
  /** Whether rows may have keys that are no fields. */
  readonly dynamicField?: boolean;
  /** Metric of vector fields that `indexes` does not name; if not given that of their type (`IndexOptions`). */
  readonly metricType?: MetricType;
  /** Whether the collection can be searched at once: true if not given. */
  readonly load?: boolean;
  /** Log channels; 1 if not given, and more is of use to a cluster only. */
  readonly shards?: number;
  /** With a partition key: how many; 16 if not given. */
  readonly partitions?: number;
  /** What clients read with that do not say, over the network; this client reads with `Session`. `Bounded` if not given. */
  readonly consistencyLevel?: ConsistencyLevelName;
  /** As in Milvus: `{ "collection.ttl.seconds": 3600 }`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}

/** Key `id` (Int64), vector `vector`, every other key of a row in the dynamic field. */
export interface QuickCollectionOptions extends CommonOptions {
  /** Components of the vector. */
  readonly dimension: number;
  /** `Int64` if not given. */
  readonly idType?: "Int64" | "VarChar";
  /** Bytes of a VarChar key: 512 if not given. */
  readonly maxLength?: number;
  readonly autoId?: boolean;
  readonly primaryField?: string;
  readonly vectorField?: string;
  readonly fields?: never;
}

export interface FullCollectionOptions extends CommonOptions {
  readonly fields: readonly FieldOptions[];
  /** Vector fields that are not named get `AUTOINDEX`. */
  readonly indexes?: readonly IndexOptions[];
  readonly dimension?: never;
}

export type CollectionOptions = QuickCollectionOptions | FullCollectionOptions;

export interface CollectionStats {
  /** Rows in segments; deleted ones count until they are compacted away. `count()` is exact. */
  readonly rowCount: number;
  /** Segments in memory, and in files. */
  readonly growingSegmentCount: number;
  readonly flushedSegmentCount: number;
}

export interface CollectionDescription {
  readonly name: string;
  readonly collectionId: bigint;
  readonly description: string;
  readonly fields: readonly FieldOptions[];
  readonly dynamicField: boolean;
  readonly indexes: readonly Required<IndexOptions>[];
  readonly partitions: readonly string[];
  readonly aliases: readonly string[];
  readonly shards: number;
  readonly consistencyLevel: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly loaded: boolean;
}

const DEFAULT_KEY_BYTES = 512;

function isFieldList(value: unknown): value is readonly FieldOptions[] {
  return Array.isArray(value) && value.every((field) => typeof field === "object" && field !== null);
}

export function creation(databaseName: string, options: CollectionOptions): Argument<"createCollection"> {
  const fields: unknown = options.fields ?? quickFields(options);
  if (!isFieldList(fields)) throw invalidParameter("fields are a list of objects, each with a name and a type");
  const indexes = "indexes" in options ? (options.indexes ?? []) : [];
  const target: Target = { databaseName, collectionName: options.name };
  const named = new Set(indexes.map((index) => index.field));
  const plain = fields.filter((field) => field.type !== "ArrayOfStruct");
  const structs = fields.filter((field) => field.type === "ArrayOfStruct");
  const vectors = plain.filter((field) => field.type.endsWith("Vector") && !named.has(field.name));
  const automatic: IndexOptions[] = vectors.map((field) => ({
    field: field.name,
    ...(options.metricType === undefined ? {} : { metricType: options.metricType }),
  }));
  for (const struct of structs) {
    for (const { name, type } of struct.fields ?? []) {
      const field = subFieldName(struct.name, name);
      if (type.endsWith("Vector") && !named.has(field)) automatic.push({ field });
    }
  }
  const create: CreateCollectionRequest = {
    ...target,
    schema: {
      name: options.name,
      description: options.description ?? "",
      fields: plain.map(fieldOf),
      enableDynamicField: options.dynamicField ?? options.fields === undefined,
      functionCount: 0,
      structs: structs.map(structOf),
    },
    shardsNum: options.shards ?? 1,
    consistencyLevel: ConsistencyLevel[options.consistencyLevel ?? "Bounded"],
    properties: keyValues(options.properties ?? {}),
    partitionCount: options.partitions ?? 0,
  };
  return { create, indexes: [...indexes, ...automatic].map(indexRequest), load: options.load ?? true };
}

function quickFields(options: QuickCollectionOptions): FieldOptions[] {
  const { idType = "Int64", primaryField = "id", vectorField = "vector", dimension } = options;
  const keyLength = idType === "VarChar" ? { maxLength: options.maxLength ?? DEFAULT_KEY_BYTES } : {};
  return [
    { name: primaryField, type: idType, primaryKey: true, autoId: options.autoId ?? false, ...keyLength },
    { name: vectorField, type: "FloatVector", dimension },
  ];
}

export function indexRequest(index: IndexOptions): IndexRequest {
  const { field, indexName = "", indexType = "AUTOINDEX", metricType, params } = index;
  return {
    fieldName: field,
    indexName,
    params: keyValues({
      index_type: indexType,
      ...(metricType === undefined ? {} : { metric_type: metricType }),
      ...(params === undefined ? {} : { params: JSON.stringify(params) }),
    }),
  };
}

export function fieldOf(field: FieldOptions): DeclaredField {
  const dataType = DataType[field.type];
  // Plain JavaScript calls this too.
  if (dataType === undefined) throw invalidParameter(`field ${field.name}: there is no type ${String(field.type)}`);
  return declaredField(field.name, dataType, {
    description: field.description ?? "",
    elementType: elementTypeOf(field),
    isPrimaryKey: field.primaryKey ?? false,
    autoId: field.autoId ?? false,
    isPartitionKey: field.partitionKey ?? false,
    isClusteringKey: field.clusteringKey ?? false,
    nullable: field.nullable ?? false,
    defaultValue: field.default === undefined ? null : declaredDefault(field, field.default),
    typeParams: keyValues({
      ...(field.dimension === undefined ? {} : { dim: field.dimension }),
      ...(field.maxLength === undefined ? {} : { max_length: field.maxLength }),
      ...(field.maxCapacity === undefined ? {} : { max_capacity: field.maxCapacity }),
    }),
  });
}

export function structOf(field: FieldOptions): DeclaredStruct {
  const capacity = field.maxCapacity === undefined ? {} : { maxCapacity: field.maxCapacity };
  const fields = (field.fields ?? []).map((sub) => {
    const element = fieldOf({ ...sub, ...capacity });
    const dataType = isVectorType(element.dataType as DataType) ? DataType.ArrayOfVector : DataType.Array;
    return { ...element, dataType, elementType: element.dataType };
  });
  const { name, description: text = "", nullable = false } = field;
  return { name, description: text, nullable, fields, typeParams: [] };
}

function elementTypeOf({ name, elementType }: FieldOptions): DataType {
  if (elementType === undefined) return DataType.None;
  const type = DataType[elementType];
  if (type === undefined) throw invalidParameter(`field ${name}: there is no type ${String(elementType)}`);
  return type;
}

function declaredDefault(
  field: FieldOptions,
  value: boolean | number | bigint | string,
): DeclaredField["defaultValue"] {
  if (typeof value === "boolean") return { kind: "bool", value };
  if (typeof value === "string") return { kind: "string", value };
  if (field.type === "Float" || field.type === "Double") {
    return { kind: field.type === "Float" ? "float" : "double", value: Number(value) };
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw invalidParameter(`field ${field.name}: the default ${value} is no exact integer`);
  }
  return field.type === "Int64" ? { kind: "long", value: BigInt(value) } : { kind: "int", value: Number(value) };
}

function keyValues(entries: Readonly<Record<string, string | number | boolean>>): KeyValue[] {
  return Object.entries(entries).map(([key, value]) => ({ key, value: String(value) }));
}

function shownDefault({ dataType, defaultValue }: FieldSchema, zone: string): NonNullable<FieldOptions["default"]> {
  if (dataType === DataType.Timestamptz) return formatTimestamptz(BigInt(defaultValue as bigint), zone);
  return defaultValue!;
}

function describedField(field: FieldSchema, zone: string): FieldOptions {
  return {
    name: field.name,
    type: dataTypeName(field.dataType) as FieldType,
    description: field.description,
    primaryKey: field.isPrimaryKey,
    autoId: field.autoId,
    partitionKey: field.isPartitionKey,
    clusteringKey: field.isClusteringKey,
    nullable: field.nullable,
    ...(field.dimension > 0 ? { dimension: field.dimension } : {}),
    ...(field.maxLengthBytes > 0 ? { maxLength: field.maxLengthBytes } : {}),
    ...(field.elementType === DataType.None
      ? {}
      : { elementType: dataTypeName(field.elementType) as FieldType, maxCapacity: arrayCapacity(field) }),
    ...(field.defaultValue === null ? {} : { default: shownDefault(field, zone) }),
  };
}

function describedStruct(schema: CollectionSchema, struct: StructSchema): FieldOptions {
  const parts = subFields(schema, struct);
  return {
    name: struct.name,
    type: "ArrayOfStruct",
    description: struct.description,
    nullable: struct.nullable,
    maxCapacity: arrayCapacity(parts[0]!),
    fields: parts.map((field) => ({
      name: bareName(struct, field),
      type: dataTypeName(field.elementType) as FieldType,
      description: field.description,
      ...(field.dimension > 0 ? { dimension: field.dimension } : {}),
      ...(field.maxLengthBytes > 0 ? { maxLength: field.maxLengthBytes } : {}),
    })),
  };
}

export function description({ collection, aliases, indexes, isLoaded }: CollectionState): CollectionDescription {
  const { schema } = collection;
  return {
    name: schema.name,
    collectionId: collection.collectionId,
    description: schema.description,
    fields: [
      ...schema.fields
        .filter((field) => !field.isDynamic && structOfField(schema, field.fieldId) === null)
        .map((field) => describedField(field, timeZoneOf(collection.properties))),
      ...(schema.structs ?? []).map((struct) => describedStruct(schema, struct)),
    ],
    dynamicField: schema.enableDynamicField,
    indexes: indexes.map((index) => ({
      field: index.fieldName,
      indexName: index.indexName,
      indexType: index.indexType,
      metricType: index.metricType as MetricType,
      params: Object.fromEntries(
        index.userParams
          .filter(({ key }) => key !== "index_type" && key !== "metric_type")
          .map(({ key, value }) => [key, value]),
      ),
    })),
    partitions: collection.partitions.map((partition) => partition.name),
    aliases,
    shards: collection.shardsNum,
    consistencyLevel:
      Object.entries(ConsistencyLevel).find(([, level]) => level === collection.consistencyLevel)?.[0] ?? "",
    properties: Object.fromEntries(collection.properties.map(({ key, value }) => [key, value])),
    loaded: isLoaded,
  };
}
