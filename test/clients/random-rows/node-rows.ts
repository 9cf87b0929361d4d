/** The Node SDK as a client of random rows. */

import { DataType, type FieldType, MilvusClient, type RowData } from "@zilliz/milvus2-sdk-node";
import { connectNodeClient, succeeded } from "../node-client.ts";
import { nodeRow, nodeValue, plainRowOfNode } from "./node-values.ts";
import type { PlainRow } from "./plain.ts";
import { type Reading, type RowsClient, indexOf } from "./rows-client.ts";
import { ANCHOR, type Field, KEY, KEY_BYTES, type Table, vectorsOf } from "./fields.ts";

export class NodeRows implements RowsClient {
  readonly name = "Node SDK";
  #client: MilvusClient | null = null;

  async connect(port: number): Promise<void> {
    await this.close();
    this.#client = await connectNodeClient(port);
  }

  async create(table: Table): Promise<void> {
    const key = {
      name: KEY,
      data_type: DataType[table.keyType],
      is_primary_key: true,
      autoID: table.automatic,
      ...(table.keyType === "VarChar" ? { max_length: KEY_BYTES } : {}),
    };
    succeeded(
      await this.#open().createCollection({
        collection_name: table.name,
        fields: [key, ...table.fields.map(declared)] as FieldType[],
        enable_dynamic_field: table.dynamic,
        shards_num: table.shards,
        consistency_level: "Strong",
      }),
    );
    for (const [field_name, type, isOfStruct] of indexed(table)) {
      const index = indexOf(type, isOfStruct);
      succeeded(await this.#open().createIndex({ collection_name: table.name, field_name, ...index }));
    }
    await this.load(table);
  }

  async insert(table: Table, rows: readonly PlainRow[]): Promise<string[]> {
    const data = rows.map((row) => nodeRow(table, row)) as RowData[];
    return keysOf(succeeded(await this.#open().insert({ collection_name: table.name, data })));
  }

  async upsert(table: Table, rows: readonly PlainRow[], isPartial: boolean): Promise<string[]> {
    const data = rows.map((row) => nodeRow(table, row)) as RowData[];
    const request = { collection_name: table.name, data, partial_update: isPartial };
    return keysOf(succeeded(await this.#open().upsert(request)));
  }

  async flush({ name }: Table): Promise<void> {
    succeeded(await this.#open().flushSync({ collection_names: [name] }));
  }

  async release({ name }: Table): Promise<void> {
    succeeded(await this.#open().releaseCollection({ collection_name: name }));
  }

  async load({ name }: Table): Promise<void> {
    succeeded(await this.#open().loadCollectionSync({ collection_name: name }));
  }

  async read(table: Table, reading: Reading): Promise<PlainRow[]> {
    const rows = await this.#read(table, reading);
    return rows.map((row) => plainRowOfNode(table, row));
  }

  async #read(table: Table, reading: Reading): Promise<readonly Record<string, unknown>[]> {
    const collection_name = table.name;
    if (reading.how === "get") {
      const ids = [...reading.keys];
      return succeeded(await this.#open().get({ collection_name, ids, output_fields: ["*"] })).data;
    }
    const output_fields = [...reading.outputs];
    if (reading.how === "query") {
      const filter = table.keyType === "Int64" ? `${KEY} >= -9223372036854775808` : `${KEY} != ""`;
      return succeeded(await this.#open().query({ collection_name, filter, output_fields })).data;
    }
    const found = succeeded(
      await this.#open().search({ collection_name, anns_field: ANCHOR, data: [3, 3], limit: 1_000, output_fields }),
    );
    return (found.results as unknown as Record<string, unknown>[]).map((hit) => {
      const row = { ...hit };
      delete row["score"];
      return row;
    });
  }

  async close(): Promise<void> {
    await this.#client?.closeConnection();
    this.#client = null;
  }

  #open(): MilvusClient {
    if (this.#client === null) throw new Error("the client is not connected");
    return this.#client;
  }
}

function declared(field: Field): object {
  const { name, nullable, dimension, maxLengthBytes, capacity } = field;
  return {
    name,
    data_type: field.type === "Struct" ? DataType.Array : DataType[field.type],
    ...(nullable ? { nullable } : {}),
    ...(field.default === undefined ? {} : { default_value: nodeValue(field, field.default) }),
    ...(dimension === undefined ? {} : { dim: dimension }),
    ...(maxLengthBytes === undefined ? {} : { max_length: maxLengthBytes }),
    ...(capacity === undefined ? {} : { max_capacity: capacity }),
    ...(field.type === "Struct" ? { element_type: DataType.Struct, fields: field.fields!.map(declared) } : {}),
    ...(field.element === undefined ? {} : { ...elementOf(field.element) }),
  };
}

function elementOf({ type, maxLengthBytes }: Field): object {
  return {
    element_type: DataType[type as keyof typeof DataType],
    ...(maxLengthBytes === undefined ? {} : { max_length: maxLengthBytes }),
  };
}

/** Name, type, whether it is part of a struct: of every vector. */
export function indexed(table: Table): (readonly [name: string, type: string, isOfStruct: boolean])[] {
  return table.fields.flatMap((field): (readonly [string, string, boolean])[] => {
    if (vectorsOf(field) === 0) return [];
    if (field.type !== "Struct") return [[field.name, field.type, false]];
    const vectors = field.fields!.filter((sub) => vectorsOf(sub) > 0);
    return vectors.map((sub) => [`${field.name}[${sub.name}]`, sub.type, true]);
  });
}

function keysOf({ IDs }: { readonly IDs: object }): string[] {
  const ids = IDs as { readonly int_id?: { readonly data: string[] }; readonly str_id?: { readonly data: string[] } };
  return [...(ids.int_id ?? ids.str_id)!.data];
}
