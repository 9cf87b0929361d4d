/**
 * How a filter fails: a `MilvusError` of code 1100 whose text is the bare detail, and the sentence that a request wraps around it.
 */

import { MilvusError, invalidParameter } from "../base/errors.ts";

/** Its message is the detail alone, without the name of the error: `planError` makes the text that clients see. */
export class FilterError extends MilvusError {
  constructor(detail: string, cause?: unknown) {
    super("ParameterInvalid", detail, cause);
  }
}

export function notSupportedYet(what: string): FilterError {
  return new FilterError(`${what} is not supported yet`);
}

/** `line 1:5`: lines count from 1, characters in the line from 0. */
export function positionOf(text: string, offset: number): string {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
    lineStart = at + 1;
  }
  return `line ${line}:${offset - lineStart}`;
}

const NOT_A_PREDICATE = "predicate is not a boolean expression";

export function notAPredicate(expression: string, dataType: string): FilterError {
  return new FilterError(`${NOT_A_PREDICATE}: ${expression}, data type: ${dataType}`);
}

/** The error of a whole request. That the filter is no predicate is told without repeating the expression. */
export function planError(operation: "query" | "delete", expression: string, detail: string): MilvusError {
  const reason = detail.startsWith(NOT_A_PREDICATE)
    ? detail
    : `cannot parse expression: ${expression}, error: ${detail}`;
  return invalidParameter(`failed to create ${operation} plan: ${reason}`);
}
