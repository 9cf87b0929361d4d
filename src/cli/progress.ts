/**
 * A progress bar: one line that is rewritten on a terminal, a line for each quarter of the way elsewhere.
 *
 * Always true: what is drawn never goes back, and after `finish` the cursor stands at the start of a fresh line.
 */

import { assert } from "../base/assert.ts";

/** What a progress bar needs of `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_CELLS = 30;
const PLAIN_STEPS = 4;
const DEFAULT_COLUMNS = 80;

/** `Loading  [#########---------------------]  30%  1,500 of 5,000`, cut to the terminal's width. */
export function progressLine(title: string, done: number, total: number, columns: number): string {
  const share = total === 0 ? 1 : done / total;
  const full = Math.floor(share * BAR_CELLS);
  const bar = "#".repeat(full) + "-".repeat(BAR_CELLS - full);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${title}  [${bar}] ${percent}  ${withCommas(done)} of ${withCommas(total)}`.slice(0, columns - 1);
}

export function withCommas(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

export class Progress {
  readonly #output: Output;
  readonly #title: string;
  readonly #total: number;
  #done = 0;
  #shown = "";

  constructor(output: Output, title: string, total: number) {
    this.#output = output;
    this.#title = title;
    this.#total = total;
    this.#draw();
  }

  /** `done` of the total, never less than before. */
  update(done: number): void {
    assert(done >= this.#done && done <= this.#total, "progress goes forward and ends at its total");
    this.#done = done;
    this.#draw();
  }

  finish(): void {
    if (this.#output.isTTY) this.#output.write("\n");
  }

  #draw(): void {
    if (this.#output.isTTY) {
      const line = progressLine(this.#title, this.#done, this.#total, this.#output.columns ?? DEFAULT_COLUMNS);
      if (line !== this.#shown) this.#output.write(`\r${line}\u001b[K`);
      this.#shown = line;
      return;
    }
    const step = this.#total === 0 ? PLAIN_STEPS : Math.floor((this.#done / this.#total) * PLAIN_STEPS);
    const line = `${this.#title}: ${Math.floor((step / PLAIN_STEPS) * 100)} % of ${withCommas(this.#total)}\n`;
    if (step > 0 && line !== this.#shown) {
      this.#output.write(line);
      this.#shown = line;
    }
  }
}
