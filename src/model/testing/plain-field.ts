/** Fields for tests: everything that is not said is off, empty or none. */

import type { FieldSchema } from "../schema.ts";
import { DataType } from "../types.ts";

export function plainField(
  fieldId: bigint,
  name: string,
  dataType: DataType,
  more: Partial<FieldSchema> = {},
): FieldSchema {
  return {
    fieldId,
    name,
    description: "",
    dataType,
    elementType: DataType.None,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    nullable: false,
    defaultValue: null,
    typeParams: [],
    dimension: 0,
    maxLengthBytes: 0,
    ...more,
  };
}
