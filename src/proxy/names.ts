/** What things may be called. The texts are Milvus's, and clients match on them. */

import { invalidParameter, milvusError } from "../base/errors.ts";

const MAX_NAME_BYTES = 255;
const MAX_DESCRIPTION_BYTES = 1_024;
const IDENTIFIER_START = /^[A-Za-z_]/;
const IDENTIFIER = /^[A-Za-z0-9_]*$/;
const PARTITION_START = /^[A-Za-z0-9_]/;
const PARTITION = /^[A-Za-z0-9_-]*$/;

const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  "$meta",
  "RowID",
  "Timestamp",
  "__virtual_pk__",
  "$namespace_id",
  ...["like", "exists", "and", "or", "not", "in"].flatMap(bothCases),
  ...["json_contains", "json_contains_all", "json_contains_any"].flatMap(bothCases),
  ...["array_contains", "array_contains_all", "array_contains_any", "array_length"].flatMap(bothCases),
  ...["text_match", "phrase_match", "random_sample"].flatMap(bothCases),
  "true",
  "True",
  "TRUE",
  "false",
  "False",
  "FALSE",
]);

function bothCases(word: string): string[] {
  return [word, word.toUpperCase()];
}

export function checkCollectionName(name: string): void {
  if (name === "") throw invalidParameter("collection name should not be empty");
  checkIdentifier(name, `Invalid collection name: ${name}.`, "collection name");
}

/** Of a collection; how long those of fields are is nobody's concern. */
export function checkDescription(description: string): void {
  const bytes = Buffer.byteLength(description);
  if (bytes <= MAX_DESCRIPTION_BYTES) return;
  throw invalidParameter(
    `the length of a collection description must be at most ${MAX_DESCRIPTION_BYTES} bytes, but got ${bytes}`,
  );
}

export function checkAlias(alias: string): void {
  if (alias === "") throw invalidParameter("collection alias should not be empty");
  checkIdentifier(alias, `Invalid collection alias: ${alias}.`, "collection alias");
}

export function checkFieldName(name: string): void {
  const prefix = `Invalid field name: ${name}.`;
  const refuse = (reason: string): never => {
    throw milvusError("FieldInvalidName", `${prefix} ${reason}`, { field: name });
  };
  if (name === "") throw milvusError("FieldInvalidName", "field name should not be empty", { field: name });
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) refuse("The length of a field name must be less than 255 characters.");
  if (!IDENTIFIER_START.test(name)) refuse("The first character of a field name must be an underscore or letter.");
  if (!IDENTIFIER.test(name)) refuse("Field name can only contain numbers, letters, and underscores.");
  if (RESERVED_FIELDS.has(name) || name.toLowerCase() === "null") refuse("Field name cannot be a reserved keyword.");
}

export function checkPartitionName(name: string): void {
  const prefix = `Invalid partition name: ${name}.`;
  if (name === "") throw invalidParameter(`${prefix} Partition name should not be empty.`);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw invalidParameter(`${prefix} The length of a partition name must be less than 255 characters.`);
  }
  if (!PARTITION_START.test(name)) {
    throw invalidParameter(`${prefix} The first character of a partition name must be an underscore or letter.`);
  }
  if (!PARTITION.test(name))
    throw invalidParameter(`${prefix} Partition name can only contain numbers, letters and underscores.`);
}

export function checkIndexName(name: string): void {
  if (name === "") return;
  const valid =
    Buffer.byteLength(name) <= MAX_NAME_BYTES && IDENTIFIER_START.test(name) && /^[A-Za-z0-9_[\]"'/$.]*$/.test(name);
  if (!valid) throw invalidParameter(`Invalid index name: ${name}`);
}

export function checkDatabaseName(name: string): void {
  const refuse = (reason: string): never => {
    throw milvusError("DatabaseInvalidName", reason, { database: name });
  };
  if (name === "") refuse("database name couldn't be empty");
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    refuse("the length of a database name must be less than 255 characters");
  if (!IDENTIFIER_START.test(name)) refuse("the first character of a database name must be an underscore or letter");
  if (!IDENTIFIER.test(name)) refuse("database name can only contain numbers, letters and underscores");
}

function checkIdentifier(name: string, prefix: string, what: string): void {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw invalidParameter(`${prefix} the length of a ${what} must be less than 255 characters`);
  }
  if (!IDENTIFIER_START.test(name)) {
    throw invalidParameter(`${prefix} the first character of a ${what} must be an underscore or letter`);
  }
  if (!IDENTIFIER.test(name)) {
    throw invalidParameter(`${prefix} ${what} can only contain numbers, letters and underscores`);
  }
}
