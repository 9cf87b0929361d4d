/** When each row of a segment expires by its own field, as the kernel compares times. */

import type { Kernel } from "../kernel/kernel.ts";
import { subtractInto } from "../model/bitset.ts";
import type { Column } from "../model/columns.ts";
import type { ExpiryField } from "../model/expiry.ts";
import { writeExpiryTimes } from "../model/expiry-times.ts";
import { grownCapacity } from "./growable-column.ts";
import type { RowView } from "./segment.ts";
import { visibleBits } from "./visibility.ts";

const FIRST_TIMES = 256;

/** Kept for the next read, as the values of rows never change. */
export class ExpiryTimes {
  #fieldId: bigint | null = null;
  #times: BigUint64Array = new BigUint64Array(0);
  #rowCount = 0;

  get memoryBytes(): number {
    return this.#times.byteLength;
  }

  /** `view` without the rows whose time has come. `column`: of at least as many rows. */
  alive(kernel: Kernel, view: RowView, column: Column, { fieldId, untilMicroseconds }: ExpiryField): RowView {
    const { rowCount } = view;
    if (rowCount === 0) return view;
    if (this.#fieldId !== fieldId) {
      this.#fieldId = fieldId;
      this.#rowCount = 0;
    }
    this.#extend(column, rowCount);
    const visible = visibleBits(view);
    subtractInto(visible, kernel.visibleRows(this.#times.subarray(0, rowCount), null, rowCount, untilMicroseconds));
    return { rowCount, visible };
  }

  #extend(column: Column, rowCount: number): void {
    if (rowCount <= this.#rowCount) return;
    if (this.#times.length < rowCount) {
      const isFirst = this.#rowCount === 0;
      const grown = new BigUint64Array(isFirst ? rowCount : grownCapacity(this.#times.length, rowCount, FIRST_TIMES));
      grown.set(this.#times.subarray(0, this.#rowCount));
      this.#times = grown;
    }
    writeExpiryTimes(column, this.#times.subarray(0, rowCount), this.#rowCount);
    this.#rowCount = rowCount;
  }
}
