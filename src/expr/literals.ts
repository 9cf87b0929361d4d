/**
 * The values that literals of the filter language stand for: integers in four bases, floats in two, strings with C escapes.
 *
 * Always true: an integer fits int64, a float is finite; everything else is a `LiteralError` with a reason.
 */

export class LiteralError extends Error {
  override readonly name = "LiteralError";
}

const MAX_INT64 = 9223372036854775807n;

/** `12`, `017`, `0x1F`, `0b101`. With `negated` the digits stand behind a minus sign, so that -9223372036854775808 has a spelling. */
export function integerValue(text: string, negated: boolean): bigint {
  let magnitude: bigint;
  if (text.length <= 15 && (text.length === 1 || text[0] !== "0")) magnitude = BigInt(Number(text));
  else if (text[0] !== "0" && text.length <= 40) magnitude = BigInt(text);
  else if (/^0[0-7]+$/.test(text)) magnitude = BigInt(`0o${text}`);
  else if (/^0\d+$/.test(text)) throw new LiteralError(`invalid octal number: ${text}`);
  else if (text.length > 80) throw new LiteralError(`integer out of range of int64: ${text.slice(0, 40)}...`);
  else magnitude = BigInt(text.toLowerCase());
  if (magnitude > MAX_INT64 + (negated ? 1n : 0n)) throw new LiteralError(`integer out of range of int64: ${text}`);
  return negated ? -magnitude : magnitude;
}

export function floatValue(text: string): number {
  const hex = /^0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)(?:[pP]([+-]?\d+))?$/.exec(text);
  let value: number;
  if (hex === null) value = Number(text);
  else {
    const digits = `${hex[1]}${hex[2]}`.replace(/^0+/, "");
    const exponent = Number(hex[3] ?? "0") - 4 * hex[2]!.length;
    // Scaled in two steps, so that neither factor leaves the range of a double on the way to a representable value.
    const half = Math.trunc(exponent / 2);
    value = digits === "" ? 0 : Number(BigInt(`0x${digits}`)) * 2 ** half * 2 ** (exponent - half);
  }
  if (!Number.isFinite(value)) throw new LiteralError(`float out of range: ${text}`);
  return value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\n": "",
};

/**
 * The text of a string literal, prefix and quotes included. An unknown escape keeps its character; with `forPattern` the escapes
 * of a LIKE pattern, `\%` and `\_`, keep their backslash too, because the pattern needs it.
 */
export function stringValue(literal: string, forPattern: boolean): string {
  const quoteAt = literal.search(/["']/);
  const body = literal.slice(quoteAt + 1, -1);
  const isRaw = quoteAt === 1 && (literal[0] === "r" || literal[0] === "R");
  if (isRaw || !body.includes("\\")) return body;
  // \xHH and \ooo are bytes: a run of them may spell one UTF-8 character.
  let text = "";
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) text += Buffer.from(bytes).toString("utf8");
    bytes = [];
  };
  for (let at = 0; at < body.length; at += 1) {
    const character = body[at]!;
    if (character !== "\\") {
      flush();
      text += character;
      continue;
    }
    const rest = body.slice(at + 1, at + 10);
    const byte = /^(?:x([\da-fA-F]{1,2})|([0-7]{1,3}))/.exec(rest);
    if (byte !== null) {
      const value = byte[1] === undefined ? Number.parseInt(byte[2]!, 8) : Number.parseInt(byte[1], 16);
      if (value > 255) throw new LiteralError(`invalid string literal: ${literal}`);
      bytes.push(value);
      at += byte[0].length;
      continue;
    }
    flush();
    const unicode = /^(?:u([\da-fA-F]{4})|U([\da-fA-F]{8}))/.exec(rest);
    if (unicode !== null) {
      const point = Number.parseInt(unicode[1] ?? unicode[2]!, 16);
      if (point > 0x10ffff) throw new LiteralError(`invalid string literal: ${literal}`);
      text += String.fromCodePoint(point);
      at += unicode[0].length;
      continue;
    }
    const next = rest[0]!;
    if (next === "u" || next === "U" || next === "x") throw new LiteralError(`invalid string literal: ${literal}`);
    text += forPattern && (next === "%" || next === "_") ? `\\${next}` : (ESCAPES[next] ?? next);
    if (next === "\r") {
      text = text.slice(0, -1);
      if (rest[1] === "\n") at += 1;
    }
    at += 1;
  }
  flush();
  return text;
}
