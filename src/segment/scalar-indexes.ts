/**
 * The scalar indexes of one sealed segment: which are there, and which may know something of a filter.
 *
 * Always true: a build takes the place of every older one of the same field and place.
 */

import type { ScalarIndex } from "../index/scalar/match.ts";
import type { PlacedIndex } from "../index/scalar/open.ts";
import type { LeafFilter } from "../model/filter.ts";

/** Which build it is. */
export interface ScalarBuildName {
  readonly indexId: bigint;
  readonly buildId: bigint;
  readonly version: bigint;
}

interface Adopted extends PlacedIndex {
  readonly fieldId: bigint;
  readonly name: ScalarBuildName;
}

export class ScalarIndexes {
  #indexes: readonly Adopted[] = [];

  get memoryBytes(): number {
    return this.#indexes.reduce((sum, { index }) => sum + index.memoryBytes, 0);
  }

  /** For what lists a segment's indexes. */
  get builds(): readonly (ScalarBuildName & { readonly memoryBytes: number })[] {
    return this.#indexes.map(({ name, index }) => ({ ...name, memoryBytes: index.memoryBytes }));
  }

  has({ buildId, version }: ScalarBuildName): boolean {
    return this.#indexes.some(({ name }) => name.buildId === buildId && name.version === version);
  }

  adopt(fieldId: bigint, name: ScalarBuildName, placed: PlacedIndex): void {
    const isSame = (known: Adopted): boolean =>
      known.fieldId === fieldId && known.isWhole === placed.isWhole && samePath(known.path, placed.path);
    const others = this.#indexes.filter((known) => !isSame(known));
    this.#indexes = [...others, { ...placed, fieldId, name }];
  }

  drop(fieldId: bigint): void {
    this.#indexes = this.#indexes.filter((known) => known.fieldId !== fieldId);
  }

  over(filter: LeafFilter): readonly ScalarIndex[] {
    // Elements that match together are not to be told from indexes of the sub-fields one by one.
    if (!("field" in filter) || filter.kind === "match" || this.#indexes.length === 0) return [];
    const { fieldId, path, cast } = filter.field;
    return this.#indexes
      .filter(
        (known) =>
          known.fieldId === fieldId && known.cast === cast && (known.isWhole === true || samePath(known.path, path)),
      )
      .map(({ index }) => index);
  }
}

function samePath(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((key, at) => key === right[at]);
}
