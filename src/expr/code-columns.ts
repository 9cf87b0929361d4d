/** The columns of a program, as the kernel takes them. Not here: places of documents, which are kept by segments. */

import { assert } from "../base/assert.ts";
import type { FilterColumn } from "../kernel/filter-kernel.ts";
import type { Column } from "../model/columns.ts";
import type { CodeColumn } from "./code-writer.ts";

export function codeColumn(use: Exclude<CodeColumn["use"], "place">, column: Column): FilterColumn {
  switch (use) {
    case "valid":
      return { kind: "valid", valid: column.valid };
    case "values":
      assert(column.kind === "fixed" || column.kind === "bytes", "the values are numbers or text");
      return column;
    case "arrays":
      assert(column.kind === "array", "the field has arrays");
      return { kind: "arrays", offsets: column.offsets, valid: column.valid };
    case "elements": {
      assert(column.kind === "array", "the field has arrays");
      const { elements } = column;
      assert(elements.kind === "fixed" || elements.kind === "bytes", "the elements are numbers or text");
      return { kind: "elements", elements };
    }
  }
}
