/**
 * The index over whole documents, or over all that stands below one place: for each path that is common enough an index over single values of
 * each class, and one over the elements of arrays.
 *
 *     facts     {indexType, kind: "documents", rowCount, parts: [{path, facts}]}
 *     0/values, 0/starts…, 1/…     the sections of each part, as of an index of its own
 *
 * Always true: of a path without a part it says nothing, and filters look at the documents; paths that lead through arrays have none.
 */

import { readPlaces } from "../../expr/place-columns.ts";
import { type BytesColumn, columnRows } from "../../model/columns.ts";
import { commonPaths } from "../../expr/common-paths.ts";
import type { LeafFilter } from "../../model/filter.ts";
import { type ElementFacts, ElementIndex, buildElementIndex } from "./element-index.ts";
import { type CastType, elementsAt, valuesAt } from "./json-place.ts";
import type { Match, ScalarIndex } from "./match.ts";
import { type SectionArray, type Sections, damaged } from "./sections.ts";
import { type ValueFacts, ValueIndex, buildValueIndex } from "./value-index.ts";

interface PartFacts {
  /** From the root of the document. */
  readonly path: readonly string[];
  readonly facts: ValueFacts | ElementFacts;
}

export interface DocumentFacts {
  readonly kind: "documents";
  readonly indexType: string;
  readonly rowCount: number;
  readonly parts: readonly PartFacts[];
}

const MOST_PATHS = 64;
/** Rarer ones are found by looking as fast. */
const LEAST_SHARE = 0.01;
const CLASSES: readonly CastType[] = ["BOOL", "DOUBLE", "VARCHAR"];

export function buildDocumentIndex(
  indexType: string,
  documents: BytesColumn,
  root: readonly string[],
): Sections<DocumentFacts> {
  const rowCount = columnRows(documents);
  const common = commonPaths(documents, MOST_PATHS, { leastShare: LEAST_SHARE, withArrays: true });
  const paths = common.filter((path) => root.every((key, at) => key === path[at]));
  const parts: PartFacts[] = [];
  const arrays = new Map<string, SectionArray>();
  const add = (path: readonly string[], sections: Sections<ValueFacts | ElementFacts>): void => {
    for (const [name, array] of sections.arrays) arrays.set(`${parts.length}/${name}`, array);
    parts.push({ path, facts: sections.facts });
  };
  for (const [at, place] of readPlaces(documents, paths, 0, rowCount).entries()) {
    for (const castType of CLASSES) {
      const values = valuesAt(documents, place, castType);
      if (values.valid?.includes(1) === true) add(paths[at]!, buildValueIndex(indexType, values, true));
      const elements = elementsAt(documents, place, castType);
      if (elements.elements.valid?.includes(1) === true) add(paths[at]!, buildElementIndex(indexType, elements));
    }
  }
  return { facts: { kind: "documents", indexType, rowCount, parts }, arrays };
}

interface Part {
  readonly path: readonly string[];
  readonly index: ScalarIndex;
}

export class DocumentIndex implements ScalarIndex {
  readonly indexType: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
  readonly #parts: readonly Part[];

  constructor({ facts, arrays }: Sections<DocumentFacts>) {
    this.indexType = facts.indexType;
    this.rowCount = facts.rowCount;
    this.memoryBytes = arrays.values().reduce((sum, array) => sum + array.byteLength, 0);
    this.#parts = facts.parts.map(({ path, facts: own }, at): Part => {
      if (own.rowCount !== facts.rowCount) throw damaged("its parts are about other rows");
      const prefix = `${at}/`;
      const sections = new Map(
        [...arrays]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, array]) => [name.slice(prefix.length), array]),
      );
      const index =
        own.kind === "values"
          ? new ValueIndex({ facts: own, arrays: sections })
          : new ElementIndex({ facts: own, arrays: sections });
      return { path, index };
    });
  }

  match(filter: LeafFilter, isNegated: boolean): Match | null {
    if (!("field" in filter)) return null;
    const { path } = filter.field;
    let best: Match | null = null;
    for (const part of this.#parts) {
      if (part.path.length !== path.length || part.path.some((key, at) => key !== path[at])) continue;
      const match = part.index.match(filter, isNegated);
      if (match !== null && (best === null || match.count < best.count)) best = match;
    }
    return best;
  }
}
