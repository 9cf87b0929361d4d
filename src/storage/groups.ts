/**
 * Which columns share a file (Milvus's StorageV2 policy).
 *
 *  - group 0: the system's columns and the key, which every reader of a segment needs first;
 *  - group <field id>: each vector, each Text field, and each other field of bytes whose entries are wide;
 *  - group 1: what is left, the narrow columns.
 *
 * Always true: the answer depends on the arguments only; every field is in exactly one group; no group is empty; groups and the
 * fields in them ascend by id. A segment's manifest remembers its groups, so the policy may change from one segment to the next.
 */

import { type FieldSchema, ROW_ID_FIELD, TIMESTAMP_FIELD } from "../model/schema.ts";
import { DataType, isVectorType } from "../model/types.ts";

export const SYSTEM_GROUP = 0n;
export const NARROW_GROUP = 1n;

/** Entries of at least this average make a column wide. */
export const WIDE_ENTRY_BYTES = 1024;
/** Where the average is not known: a VarChar declared longer than this is taken for wide. */
const WIDE_DECLARED_BYTES = 4096;

export interface GroupLayout {
  readonly groupId: bigint;
  readonly fieldIds: readonly bigint[];
}

/** `averageBytes`: what is known about the entries of fields of bytes. */
export function groupColumns(
  fields: readonly FieldSchema[],
  averageBytes: ReadonlyMap<bigint, number> = new Map(),
): GroupLayout[] {
  const system = [ROW_ID_FIELD, TIMESTAMP_FIELD];
  const narrow: bigint[] = [];
  const wide: bigint[] = [];
  for (const field of fields) {
    if (field.isPrimaryKey) system.push(field.fieldId);
    else if (isWide(field, averageBytes.get(field.fieldId))) wide.push(field.fieldId);
    else narrow.push(field.fieldId);
  }
  const groups: GroupLayout[] = [{ groupId: SYSTEM_GROUP, fieldIds: ascending(system) }];
  if (narrow.length > 0) groups.push({ groupId: NARROW_GROUP, fieldIds: ascending(narrow) });
  for (const fieldId of ascending(wide)) groups.push({ groupId: fieldId, fieldIds: [fieldId] });
  return groups;
}

function isWide(field: FieldSchema, averageBytes: number | undefined): boolean {
  if (isVectorType(field.dataType) || field.dataType === DataType.Text) return true;
  if (averageBytes !== undefined) return averageBytes >= WIDE_ENTRY_BYTES;
  return field.dataType === DataType.VarChar && field.maxLengthBytes > WIDE_DECLARED_BYTES;
}

function ascending(ids: readonly bigint[]): bigint[] {
  return ids.toSorted((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}
