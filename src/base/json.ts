/**
 * JSON for our own records and messages: what `JSON` does, and 64-bit integers, bytes, and numbers that JSON has no digits for besides.
 *
 * Byte layout: UTF-8 JSON; a bigint is `{"$int":"<decimal>"}`, bytes are `{"$bytes":"<base64>"}`, a number that JSON would make 0 or null
 * is `{"$number":"-0"}`, or with NaN, Infinity, -Infinity. Keys keep the order in which the object was built, so equal objects give equal
 * bytes (compare-and-swap by value relies on it).
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(
    JSON.stringify(value, (_key, entry: unknown) => {
      if (typeof entry === "bigint") return { $int: entry.toString() };
      if (entry instanceof Uint8Array) return { $bytes: Buffer.from(entry).toString("base64") };
      if (typeof entry === "number" && (Object.is(entry, -0) || !Number.isFinite(entry))) {
        return { $number: Object.is(entry, -0) ? "-0" : String(entry) };
      }
      return entry;
    }),
  );
}

export function decodeJson<T>(bytes: Uint8Array): T {
  return JSON.parse(decoder.decode(bytes), (_key, entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return entry;
    const { $int, $bytes, $number } = entry as { $int?: unknown; $bytes?: unknown; $number?: unknown };
    if (typeof $int === "string") return BigInt($int);
    if (typeof $bytes === "string") return new Uint8Array(Buffer.from($bytes, "base64"));
    if (typeof $number === "string") return Number($number);
    return entry;
  }) as T;
}
