/**
 * What of a segment lies in memory and what is mapped from its files, by `mmap.enabled`, and how many bytes the former will be.
 *
 * Milvus reads the property of the index, of the field (for its rows) and of the collection, the nearer first. Where nothing is said, vectors are
 * mapped, as Milvus's configuration has it, and index files are read as long as there is room and mapped otherwise. Scalars, scalar indexes and sparse
 * rows are in memory whatever is said.
 */

import { familyOfField } from "../index/families.ts";
import type { SegmentIndexInfo } from "../model/catalog.ts";
import { type CollectionInfo, type KeyValue, vectorFields } from "../model/schema.ts";
import { DataType, isVectorType } from "../model/types.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import type { SegmentManifest } from "../storage/manifest.ts";

/** In the order of what is done where nothing is said. */
export type Residence = "memory" | "mapped" | "either";

const MMAP_KEY = "mmap.enabled";
/** Lists of sparse rows in memory, in bytes for one of the rows. */
const SPARSE_LISTS_SHARE = 0.75;

/** Vectors that are to be read into memory. */
export function unmappedFields({ schema, properties }: CollectionInfo): bigint[] {
  return vectorFields(schema)
    .filter(({ typeParams }) => (said(typeParams) ?? said(properties)) === false)
    .map(({ fieldId }) => fieldId);
}

/** Sparse fields for which there are packed lists: their rows need none of their own. */
export function listlessFields({ schema }: CollectionInfo, indexes: readonly SegmentIndexInfo[]): bigint[] {
  return indexes
    .filter(({ fieldId, files, indexType, params }) => {
      const field = schema.fields.find((candidate) => candidate.fieldId === fieldId);
      const isSparse = field?.dataType === DataType.SparseFloatVector;
      return isSparse && familyOfField(field, indexType, params) !== null && files.length > 0;
    })
    .map(({ fieldId }) => fieldId);
}

export function residenceOf(
  { properties }: Pick<CollectionInfo, "properties">,
  params: readonly KeyValue[],
): Residence {
  const mapped = said(params) ?? said(properties);
  return mapped === null ? "either" : mapped ? "mapped" : "memory";
}

/** Bytes of memory that a load takes for certain; what can also be mapped is not in it. */
export function residentBytes(
  manifest: SegmentManifest,
  collection: CollectionInfo,
  fieldIds: readonly bigint[],
  indexes: readonly SegmentIndexInfo[],
): number {
  const unmapped = unmappedFields(collection);
  const listless = listlessFields(collection, indexes);
  const fields = new Map(collection.schema.fields.map((field) => [field.fieldId, field]));
  let bytes = 0;
  for (const { groupId, file } of manifest.groups) {
    const field = fields.get(groupId);
    if (field === undefined || !isVectorType(field.dataType)) {
      bytes += file.memoryBytes;
      continue;
    }
    if (fieldIds.length > 0 && !fieldIds.includes(field.fieldId)) continue;
    if (field.dataType === DataType.SparseFloatVector) {
      bytes += file.memoryBytes * (listless.includes(field.fieldId) ? 1 : 1 + SPARSE_LISTS_SHARE);
    } else if (!isDenseVectorType(field.dataType) || unmapped.includes(field.fieldId)) {
      bytes += file.memoryBytes;
    }
  }
  for (const { file } of manifest.deltas) bytes += file.memoryBytes;
  for (const { fieldId, indexType, files, params, rowCount } of indexes) {
    const field = fields.get(fieldId);
    if (field === undefined) continue;
    const family = isVectorType(field.dataType) ? familyOfField(field, indexType, params) : null;
    const isRead = !isVectorType(field.dataType) || (family !== null && residenceOf(collection, params) === "memory");
    if (isRead) for (const file of files) bytes += file.bytes + rowCount * (family?.madeBytes?.(field.dimension) ?? 0);
  }
  return Math.ceil(bytes);
}

function said(given: readonly KeyValue[]): boolean | null {
  const value = given.find(({ key }) => key === MMAP_KEY)?.value.toLowerCase();
  return value === undefined ? null : value === "true";
}
