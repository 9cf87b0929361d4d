/**
 * What the native kernel tells of an index: numbers at places that each kind has for its own, made into objects.
 *
 * Not here: asking for them (native-index.ts).
 */

import { present, unreachable } from "../base/assert.ts";
import { Metric, NUMBER_METRICS } from "../model/types.ts";
import { MAX_DEGREE } from "./index-kernel.ts";
import type {
  BandsDescription,
  GraphDescription,
  GraphLayout,
  ListCodes,
  ListsDescription,
  PostingsDescription,
  SlimCodes,
  SlimDescription,
} from "./index-kernel.ts";
import { ELEMENT_NAMES } from "./layout.ts";

/** Their numbers are those of the kernel. */
export const METRICS: readonly Metric[] = [...NUMBER_METRICS, "HAMMING", "JACCARD"];
export const KINDS = ["graph", "lists", "slim", "postings", "bands"] as const;
export type Kind = (typeof KINDS)[number];
type Described = GraphDescription | ListsDescription | SlimDescription | PostingsDescription | BandsDescription;
export const CODES = ["none", "byte", "book", "nibble", "sign"] as const satisfies readonly ListCodes["codes"][];
export const SLIM_CODES = [
  "book",
  "stages",
  "scalar",
  "float16",
  "bfloat16",
] as const satisfies readonly SlimCodes["codes"][];
export const LAYOUTS: readonly GraphLayout[] = ["lean", "packed"];
const MOST_ENTRIES = 16;
const FIRST_ENTRY = 15;
const FIRST_DEGREE = FIRST_ENTRY + MOST_ENTRIES;
/** Numbers of the longest description. */
export const DESCRIPTION_NUMBERS = FIRST_DEGREE + MAX_DEGREE + 1;

type At = (place: number) => number;

export function describedIndex(kind: Kind, numbers: Float64Array): Described {
  const at = (place: number): number => present(numbers[place], "a number of the description");
  switch (kind) {
    case "graph":
      return graphDescription(at);
    case "lists":
      return listsDescription(at);
    case "slim":
      return slimDescription(at);
    case "bands":
      return bandsDescription(at);
    case "postings":
      return postingsDescription(at);
    default:
      return unreachable(kind);
  }
}

function postingsDescription(at: At): PostingsDescription {
  return {
    kind: "postings",
    metric: Metric.IP,
    rowCount: at(0),
    termCount: at(1),
    postingCount: at(2),
    blockCount: at(3),
    listBytes: at(4),
    memoryBytes: at(4),
    fileBytes: at(5),
  };
}

function slimDescription(at: At): SlimDescription {
  return {
    kind: "slim",
    codes: present(SLIM_CODES[at(14)], "the codes of the index"),
    metric: present(METRICS[at(0)], "the metric of the index"),
    layout: { element: present(ELEMENT_NAMES[at(2)], "the element of the rows"), dimension: at(1) },
    degree: at(3),
    beam: at(4),
    subspaces: at(5),
    bits: at(6),
    stages: at(15),
    rowCount: at(7),
    graphRowCount: at(8),
    neighbourCount: at(9),
    codeBytes: at(10),
    listBytes: at(11),
    otherBytes: at(12),
    keptRowCount: at(16),
    keptBytes: at(17),
    memoryBytes: at(10) + at(11) + at(12) + at(17),
    fileBytes: at(13),
  };
}

function bandsDescription(at: At): BandsDescription {
  return {
    kind: "bands",
    metric: "MHJACCARD",
    layout: { element: "binary", dimension: at(0) },
    hashBits: at(1),
    bands: at(2),
    bandHashes: at(3),
    rowCount: at(4),
    bucketCount: at(5),
    longestBucket: at(6),
    keyBytes: at(7),
    numberBytes: at(8),
    memoryBytes: at(7) + at(8),
    fileBytes: at(9),
  };
}

function graphDescription(at: At): GraphDescription {
  return {
    kind: "graph",
    layout: present(LAYOUTS[at(11)], "the layout of the index"),
    metric: present(METRICS[at(0)], "the metric of the index"),
    dimension: at(1),
    degree: at(2),
    slots: at(12),
    beam: at(3),
    rowCount: at(4),
    graphRowCount: at(5),
    codeBytes: at(6),
    listBytes: at(7),
    clusterCount: at(13),
    clusterBytes: at(14),
    otherBytes: at(8),
    memoryBytes: at(6) + at(7) + at(14) + at(8),
    fileBytes: at(9),
    entryRows: Array.from({ length: at(10) }, (_, entry) => at(FIRST_ENTRY + entry)),
    rowsOfDegree: Array.from({ length: at(12) + 1 }, (_, degree) => at(FIRST_DEGREE + degree)),
  };
}

function listsDescription(at: At): ListsDescription {
  return {
    kind: "lists",
    metric: present(METRICS[at(0)], "the metric of the index"),
    layout: { element: present(ELEMENT_NAMES[at(17)], "the element of the rows"), dimension: at(1) },
    lists: at(2),
    codes: present(CODES[at(3)], "the codes of the index"),
    subspaces: at(4),
    bits: at(5),
    rowCount: at(6),
    looseRowCount: at(7),
    emptyLists: at(8),
    shortestList: at(9),
    longestList: at(10),
    centreBytes: at(11),
    numberBytes: at(12),
    codeBytes: at(13),
    otherBytes: at(14),
    memoryBytes: at(11) + at(12) + at(13) + at(14),
    fileBytes: at(15),
  };
}
