/**
 * The shape of a filter text before it has a meaning: names are not looked up, constants are not folded.
 *
 * `start` and `end` are offsets in the text, for messages. `height` is the longest way down to a leaf; the parser bounds it, so
 * that whoever walks the tree may recurse.
 */

import type { Constant } from "../model/filter.ts";
import type { PathKey } from "./lexer.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly height: number;
}

/** The name of the element in front of `[sub]`, which no field has. */
export const ELEMENT = "$";

export type ArithmeticSymbol = "+" | "-" | "*" | "/" | "%" | "**";
export type BitSymbol = "&" | "|" | "^";
export type CompareSymbol = "==" | "!=" | "<" | "<=" | ">" | ">=";

export type Syntax = Span &
  (
    | { readonly kind: "literal"; readonly value: Constant }
    /** Plain literals stand in the list as they are: lists of a hundred thousand keys are common. */
    | { readonly kind: "list"; readonly elements: readonly (Constant | Syntax)[] }
    | { readonly kind: "template"; readonly name: string }
    /** `ISO '…'` and `INTERVAL '…'`. */
    | { readonly kind: "time" | "interval"; readonly text: string }
    | { readonly kind: "name"; readonly name: string; readonly keys: readonly PathKey[] }
    | { readonly kind: "unary"; readonly operator: "+" | "-" | "~" | "not"; readonly operand: Syntax }
    | {
        readonly kind: "arithmetic";
        readonly operator: ArithmeticSymbol | BitSymbol;
        readonly left: Syntax;
        readonly right: Syntax;
      }
    | { readonly kind: "compare"; readonly operator: CompareSymbol; readonly left: Syntax; readonly right: Syntax }
    | {
        readonly kind: "range";
        readonly left: Syntax;
        readonly middle: Syntax;
        readonly right: Syntax;
        readonly isAscending: boolean;
        readonly leftInclusive: boolean;
        readonly rightInclusive: boolean;
      }
    | { readonly kind: "in"; readonly left: Syntax; readonly right: Syntax; readonly isNegated: boolean }
    | { readonly kind: "like"; readonly left: Syntax; readonly pattern: Syntax }
    | { readonly kind: "regex"; readonly left: Syntax; readonly pattern: Syntax; readonly isNegated: boolean }
    | { readonly kind: "null"; readonly field: Syntax; readonly isNegated: boolean }
    | { readonly kind: "exists"; readonly operand: Syntax }
    | {
        readonly kind: "call";
        readonly name: string;
        readonly operands: readonly Syntax[];
        /** `threshold=…`, behind the operands. */
        readonly threshold: Syntax | null;
      }
    | { readonly kind: "logical"; readonly operator: "and" | "or"; readonly operands: readonly Syntax[] }
  );
