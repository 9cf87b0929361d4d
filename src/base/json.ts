/**
 * JSON for our own records and messages: what `JSON` does, and 64-bit integers and bytes besides.
 *
 * Byte layout: UTF-8 JSON; a bigint is `{"$int":"<decimal>"}`, bytes are `{"$bytes":"<base64>"}`. Keys keep the order in which the
 * object was built, so equal objects give equal bytes (compare-and-swap by value relies on it).
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(
    JSON.stringify(value, (_key, entry: unknown) => {
      if (typeof entry === "bigint") return { $int: entry.toString() };
      if (entry instanceof Uint8Array) return { $bytes: Buffer.from(entry).toString("base64") };
      return entry;
    }),
  );
}

export function decodeJson<T>(bytes: Uint8Array): T {
  return JSON.parse(decoder.decode(bytes), (_key, entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return entry;
    const { $int, $bytes } = entry as { $int?: unknown; $bytes?: unknown };
    if (typeof $int === "string") return BigInt($int);
    if (typeof $bytes === "string") return new Uint8Array(Buffer.from($bytes, "base64"));
    return entry;
  }) as T;
}
