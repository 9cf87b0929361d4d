/** What tables are made of: types, fields and their variants, as both clients declare them. */

import type { Plain } from "./plain.ts";

export const NUMBERS = ["Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double"] as const;
export const SCALARS = [...NUMBERS, "VarChar", "JSON", "Timestamptz", "Geometry"] as const;
export const ELEMENTS = [...NUMBERS, "VarChar"] as const;
export const DENSE = ["FloatVector", "Float16Vector", "BFloat16Vector", "Int8Vector", "BinaryVector"] as const;
export const VECTORS = [...DENSE, "SparseFloatVector"] as const;

export type TypeName = (typeof SCALARS)[number] | (typeof VECTORS)[number] | "Array" | "Struct";

export interface Field {
  readonly name: string;
  readonly type: TypeName;
  readonly nullable: boolean;
  /** What a row that does not say anything has. */
  readonly default?: Plain;
  /** Of Array. */
  readonly element?: Field;
  /** Of Struct. */
  readonly fields?: readonly Field[];
  readonly dimension?: number;
  readonly maxLengthBytes?: number;
  readonly capacity?: number;
}

export interface Table {
  readonly name: string;
  readonly keyType: "Int64" | "VarChar";
  /** Keys are the server's to give. */
  readonly automatic: boolean;
  /** Undeclared keys are kept. */
  readonly dynamic: boolean;
  readonly shards: number;
  /** Without the key, and with the anchor at the end. */
  readonly fields: readonly Field[];
}

export const KEY = "key";
/** A vector of small whole numbers, which a search for rows goes by. */
export const ANCHOR = "anchor";
/** Keys of VarChar are this long at most. */
export const KEY_BYTES = 60;

export function vectorsOf({ type, fields }: Field): number {
  if (type === "Struct") return fields!.filter((field) => vectorsOf(field) > 0).length;
  return (VECTORS as readonly string[]).includes(type) ? 1 : 0;
}
