/** What a piece of syntax turns out to be once its names and types are known. */

import type { ArithmeticOperator, Constant, Element, FieldPlace, Filter } from "../model/filter.ts";
import type { DataType } from "../model/types.ts";

export interface TypedConstant {
  readonly kind: "constant";
  readonly value: Constant;
  readonly isTemplate: boolean;
}

export interface TypedArithmetic {
  readonly kind: "arithmetic";
  readonly field: FieldPlace;
  readonly operator: ArithmeticOperator;
  readonly operand: bigint | number;
  readonly dataType: DataType;
}

export type Typed =
  | TypedConstant
  | TypedArithmetic
  | { readonly kind: "list"; readonly values: readonly Element[]; readonly isTemplate: boolean }
  | { readonly kind: "field"; readonly field: FieldPlace }
  /** Microseconds since 1970. */
  | { readonly kind: "time"; readonly value: bigint }
  | { readonly kind: "interval"; readonly months: number; readonly microseconds: bigint }
  | { readonly kind: "shifted"; readonly field: FieldPlace; readonly months: number; readonly microseconds: bigint }
  /** How many elements there are. */
  | { readonly kind: "length"; readonly field: FieldPlace }
  | { readonly kind: "filter"; readonly filter: Filter };
