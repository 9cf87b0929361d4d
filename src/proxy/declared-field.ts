/** A field as a program declares it: what it does not say is as usual. */

import { DataType } from "../model/types.ts";
import type { DeclaredField } from "./requests.ts";

export function declaredField(name: string, dataType: DataType, more: Partial<DeclaredField> = {}): DeclaredField {
  return {
    name,
    description: "",
    dataType,
    elementType: DataType.None,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    isFunctionOutput: false,
    nullable: false,
    defaultValue: null,
    typeParams: [],
    ...more,
  };
}
