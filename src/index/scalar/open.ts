/** Files of scalar indexes, opened: checked whole, then asked. */

import type { FieldPlace } from "../../model/filter.ts";
import { type BoxFacts, BoxIndex } from "./box-index.ts";
import { type DocumentFacts, DocumentIndex } from "./document-index.ts";
import { type ElementFacts, ElementIndex } from "./element-index.ts";
import { GramIndex, type GramFacts } from "./gram-index.ts";
import type { ScalarIndex } from "./match.ts";
import { type Sections, damaged, decodeSections } from "./sections.ts";
import { type ValueFacts, ValueIndex } from "./value-index.ts";

/** An index with the place that it is about. */
export interface PlacedIndex {
  readonly index: ScalarIndex;
  /** Keys from the root of a document; empty: the field itself. */
  readonly path: readonly string[];
  /** It is about every path below, too. Absent: it is not. */
  readonly isWhole?: boolean;
  /** What texts there were taken for. Absent: texts. */
  readonly cast?: FieldPlace["cast"];
}

type Facts = ValueFacts | ElementFacts | BoxFacts | GramFacts | DocumentFacts;

/** `bytes` must begin at a multiple of 8 and stay as they are. @throws 2100 with what is wrong with them. */
export function openScalarIndex(bytes: Uint8Array<ArrayBuffer>): PlacedIndex {
  const sections = decodeSections<Facts & Pick<PlacedIndex, "path" | "cast">>(bytes);
  const { path, cast, kind } = sections.facts;
  const isWhole = kind === "documents";
  return { index: indexOf(sections), path, isWhole, ...(cast === undefined ? {} : { cast }) };
}

function indexOf(sections: Sections<Facts>): ScalarIndex {
  switch (sections.facts.kind) {
    case "values":
      return new ValueIndex(sections as Sections<ValueFacts>);
    case "elements":
      return new ElementIndex(sections as Sections<ElementFacts>);
    case "boxes":
      return new BoxIndex(sections as Sections<BoxFacts>);
    case "grams":
      return new GramIndex(sections as Sections<GramFacts>);
    case "documents":
      return new DocumentIndex(sections as Sections<DocumentFacts>);
    default:
      throw damaged(`it is of kind ${String((sections.facts as { kind: unknown }).kind)}`);
  }
}
