/**
 * Decodes search requests that differ in their vectors alone: what a program asks again and again is read once, and its vectors each time.
 *
 * Always true:
 *  - a request decodes to what `decodeSearchRequest` gives;
 *  - what is remembered is bounded, in requests and in bytes, and shares no memory with any request;
 *  - requests of one `shape` are alike in everything but their vectors.
 *
 * Not here: what a shape is planned to (proxy).
 */

import { BYTES, VARINT, WireReader } from "./reader.ts";
import { type WireSearch, decodeSearchRequest, withPlaceholders } from "./search-request.ts";
import { WireError } from "./wire-error.ts";

/** The one that was asked for longest ago is forgotten. */
const MOST_KNOWN = 256;
/** Of a request without its vectors. */
const MOST_BYTES = 2048;
const PLACEHOLDERS = 6;
/** Names, filter, parameters, flags: what is copied out of the request. A field of another kind or an unknown one makes a request unlike all others. */
const PLAIN: readonly (number | undefined)[] = plainTypes({
  [BYTES]: [2, 3, 4, 5, 8, 9],
  [VARINT]: [7, 10, 11, 12, 13, 14, 15, 16],
});

export class KnownSearches {
  /** By the bytes around the vectors. */
  readonly #known = new Map<string, WireSearch>();

  decode(bytes: Uint8Array): WireSearch {
    const group = placeholderGroup(bytes);
    if (group === null) return decodeSearchRequest(bytes);
    const { tag, start, end } = group;
    const request = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // What stands before and what stands behind make one text: where they meet changes nothing of what they say.
    const around = request.toString("latin1", 0, tag) + request.toString("latin1", end);
    const known = this.#known.get(around);
    if (known !== undefined) {
      this.#known.delete(around);
      this.#known.set(around, known);
      return withPlaceholders(known, bytes.subarray(start, end));
    }
    const decoded = { ...decodeSearchRequest(bytes), shape: {} };
    this.#known.set(around, { ...decoded, placeholders: [], placeholderFault: null });
    if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value!);
    return decoded;
  }
}

/** Where its tag, its bytes and its end are; null: the request is none to be remembered. */
function placeholderGroup(
  bytes: Uint8Array,
): { readonly tag: number; readonly start: number; readonly end: number } | null {
  const reader = new WireReader(bytes);
  let group: { readonly tag: number; readonly start: number; readonly end: number } | null = null;
  try {
    for (let tag = reader.offset; reader.next(); tag = reader.offset) {
      const { field, wireType } = reader;
      const start = reader.skip();
      if (field === PLACEHOLDERS && wireType === BYTES && group === null) group = { tag, start, end: reader.offset };
      else if (PLAIN[field] !== wireType) return null;
    }
  } catch (error) {
    // Whoever decodes it says what is wrong.
    if (error instanceof WireError) return null;
    throw error;
  }
  return group !== null && bytes.byteLength - (group.end - group.tag) <= MOST_BYTES ? group : null;
}

/** By field: the wire type that it must have. */
function plainTypes(fields: Readonly<Record<number, readonly number[]>>): (number | undefined)[] {
  const types: (number | undefined)[] = [];
  for (const [type, numbers] of Object.entries(fields)) for (const field of numbers) types[field] = Number(type);
  return types;
}
