/**
 * What is built for a declared index of a field that is no vector, and building it from the field's column.
 *
 *   STL_SORT, INVERTED, TRIE, BITMAP   single values, or elements of arrays; AUTOINDEX decides like BITMAP: sets of rows for few values,
 *                                      lists for many
 *   NGRAM                              pieces of text
 *   RTREE                              the boxes of geometries
 *
 * Of documents a place is indexed: `json_path` of the class `json_cast_type`, which may be all there is.
 *
 * Always true: building takes the processor for as long as it takes, so nobody calls it on a thread that serves; the same column gives the
 * same bytes.
 */

import { assert } from "../../base/assert.ts";
import type { ArrayColumn, BytesColumn, Column, FixedColumn } from "../../model/columns.ts";
import type { FieldSchema, KeyValue } from "../../model/schema.ts";
import { DataType, isVectorType } from "../../model/types.ts";
import { buildBoxIndex } from "./box-index.ts";
import { buildDocumentIndex } from "./document-index.ts";
import { buildElementIndex } from "./element-index.ts";
import { buildGramIndex } from "./gram-index.ts";
import { type IndexedPlace, indexedPlace } from "./json-path.ts";
import { columnOfPlace, elementsOfPlace } from "./json-place.ts";
import { type Sections, encodeSections } from "./sections.ts";
import { buildValueIndex } from "./value-index.ts";

/** Plain data: it goes to another thread. */
export interface ScalarBuild {
  readonly indexType: string;
  /** Null for fields that are no documents. */
  readonly place: IndexedPlace | null;
  /** Characters; 0 for what is no NGRAM. */
  readonly minGram: number;
  readonly maxGram: number;
}

const VALUE_TYPES: ReadonlySet<string> = new Set(["STL_SORT", "INVERTED", "TRIE", "BITMAP", "AUTOINDEX"]);
const VALUES: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
  DataType.Timestamptz,
]);

/** Null: nothing is built for it, and filters look at the column. `given`: what its user said of the index, checked before. */
export function scalarBuild(field: FieldSchema, indexType: string, given: readonly KeyValue[]): ScalarBuild | null {
  if (isVectorType(field.dataType)) return null;
  const params = new Map(given.map(({ key, value }) => [key, value]));
  const place = field.dataType === DataType.JSON ? indexedPlace(field, params) : null;
  const build = { indexType, place, minGram: 0, maxGram: 0 };
  if (indexType === "NGRAM") {
    const isText = field.dataType === DataType.VarChar || (place?.castType === "VARCHAR" && !place.isArray);
    const [minGram, maxGram] = [Number(params.get("min_gram")), Number(params.get("max_gram"))];
    return isText && minGram >= 1 && maxGram >= minGram ? { ...build, minGram, maxGram } : null;
  }
  if (field.dataType === DataType.Geometry) {
    return indexType === "RTREE" || indexType === "AUTOINDEX" ? { ...build, indexType: "RTREE" } : null;
  }
  if (!VALUE_TYPES.has(indexType)) return null;
  const type = field.dataType === DataType.Array ? field.elementType : field.dataType;
  return place !== null || VALUES.has(type) ? build : null;
}

/** The file, as parts to be written one after the other. */
export function buildScalarIndex(build: ScalarBuild, column: Column): Uint8Array[] {
  const sections = sectionsOf(build, column);
  const cast = build.place?.cast === undefined ? {} : { cast: build.place.cast };
  return encodeSections({ ...sections.facts, path: build.place?.path ?? [], ...cast }, sections.arrays);
}

function sectionsOf({ indexType, place, minGram, maxGram }: ScalarBuild, column: Column): Sections<object> {
  if (place?.castType === "JSON") return buildDocumentIndex(indexType, column as BytesColumn, place.path);
  if (place?.isArray === true) {
    return buildElementIndex(indexType, elementsOfPlace(column as BytesColumn, place.path, place.castType));
  }
  if (column.kind === "array") return buildElementIndex(indexType, column satisfies ArrayColumn);
  assert(column.kind === "fixed" || column.kind === "bytes", "vectors have indexes of their own");
  const values: FixedColumn | BytesColumn =
    place === null
      ? column
      : columnOfPlace(column as BytesColumn, place.path, place.castType, place.cast !== undefined);
  if (indexType === "RTREE") return buildBoxIndex(values as BytesColumn);
  if (indexType === "NGRAM") return buildGramIndex(values as BytesColumn, minGram, maxGram);
  return buildValueIndex(indexType, values, place !== null);
}
