/**
 * Timestamptz: microseconds since 1970 in UTC, and the texts that stand for them.
 *
 *   2025-01-01T00:00:00Z   2025-01-01 08:00:00.123456+08:00   2025-01-01T00:00:00      the last in the zone that is given beside it
 *
 * Always true: years are 1 to 9999; a text is of the proleptic Gregorian calendar; what is written is read back as the same instant.
 * A local time that a zone has twice is the first of the two; one that it skips is moved on by the gap.
 */

export const DEFAULT_TIME_ZONE = "UTC";
export const TIME_ZONE_KEY = "timezone";

const MICROSECONDS = 1_000_000n;
const ERA_MONTHS = 400 * 12;
const ERA_MICROSECONDS = 146_097n * 86_400n * MICROSECONDS;
/** The first of the year 1, and of the year 10,000. */
const LEAST = -62_135_596_800n * MICROSECONDS;
const PAST = 253_402_300_800n * MICROSECONDS;
const TEXT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;

/** The zone that a collection's properties name. */
export function timeZoneOf(properties: readonly { readonly key: string; readonly value: string }[]): string {
  return properties.find(({ key }) => key === TIME_ZONE_KEY)?.value ?? DEFAULT_TIME_ZONE;
}

export function isTimeZone(name: string): boolean {
  if (name === "" || /^[+-]/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Null for a text that is no time. `zone`: of texts without an offset. */
export function parseTimestamptz(text: string, zone: string): bigint | null {
  const match = TEXT.exec(text.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const local = utcSeconds(year, month, day) + hour * 3600 + minute * 60 + second;
  const fraction = BigInt((match[7] ?? "").slice(0, 6).padEnd(6, "0"));
  const offset = offsetSeconds(match[8], local, zone);
  return offset === null ? null : BigInt(local - offset) * MICROSECONDS + fraction;
}

/** Whether it is an instant of the years that there are. */
export function isTimestamptz(value: bigint): boolean {
  return LEAST <= value && value < PAST;
}

/** RFC 3339 with as many digits of the second as there are. */
export function formatTimestamptz(value: bigint, zone: string): string {
  const { year, month, day, hour, minute, second, microsecond, offset } = timeFields(value, zone);
  const fraction = microsecond === 0 ? "" : `.${String(microsecond).padStart(6, "0").replace(/0+$/, "")}`;
  const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}${fraction}${offsetText(offset)}`;
}

export interface TimeFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  /** Seconds east of Greenwich. */
  readonly offset: number;
}

export function timeFields(value: bigint, zone: string): TimeFields {
  const seconds = Number(floorDivide(value, MICROSECONDS));
  const offset = zoneOffset(seconds, zone);
  const date = new Date((seconds + offset) * 1000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: Number(value - BigInt(seconds) * MICROSECONDS),
    offset,
  };
}

/** Calendar months further, in UTC; a day that the month does not have runs over into the next. Of any time, by any number of months. */
export function addMonths(value: bigint, months: number): bigint {
  if (months === 0) return value;
  // Every 400 years the calendar is the same: whole ones are left aside, so that no date is beyond what Date holds.
  const valueEra = floorDivide(value, ERA_MICROSECONDS);
  const monthsEra = Math.trunc(months / ERA_MONTHS);
  const within = value - valueEra * ERA_MICROSECONDS;
  const milliseconds = Number(within / 1000n);
  const date = new Date(milliseconds);
  date.setUTCMonth(date.getUTCMonth() + (months - monthsEra * ERA_MONTHS));
  return BigInt(date.getTime()) * 1000n + (within % 1000n) + (valueEra + BigInt(monthsEra)) * ERA_MICROSECONDS;
}

export interface Duration {
  readonly months: number;
  readonly microseconds: bigint;
}

const DURATION =
  /^P(?=[\dT])(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/;

/** ISO 8601 with whole numbers; null for another text. */
export function parseDuration(text: string): Duration | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const [years, months, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const whole = BigInt(days) * 86_400n + BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds);
  return { months: years * 12 + months, microseconds: whole * MICROSECONDS };
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function offsetText(offset: number): string {
  if (offset === 0) return "Z";
  const minutes = Math.round(Math.abs(offset) / 60);
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function utcSeconds(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() / 1000;
}

/** Of a local time: as written, or as the zone has it then. Null for an offset beyond a day. */
function offsetSeconds(written: string | undefined, local: number, zone: string): number | null {
  if (written === undefined) {
    const before = zoneOffset(local - zoneOffset(local, zone), zone);
    const again = zoneOffset(local - before, zone);
    // Of two fitting offsets the larger is the earlier instant; where none fits, the one before the gap.
    return before === again ? before : Math.min(before, again);
  }
  if (written === "Z" || written === "z") return 0;
  const hours = Number(written.slice(1, 3));
  const minutes = Number(written.slice(3).replace(":", "") || 0);
  if (hours > 23 || minutes > 59) return null;
  return (written[0] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60);
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** By quarter of an hour: no zone changes within one. */
  readonly offsets: Map<number, number>;
}

const ZONES = new Map<string, Zone>();
const QUARTER = 900;
const MAX_KNOWN_OFFSETS = 10_000;
const MAX_ZONES = 600;

function formatterOf(name: string): Zone {
  const known = ZONES.get(name);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const zone = { format, offsets: new Map<number, number>() };
  if (ZONES.size >= MAX_ZONES) ZONES.clear();
  ZONES.set(name, zone);
  return zone;
}

function zoneOffset(seconds: number, name: string): number {
  if (name === DEFAULT_TIME_ZONE) return 0;
  const { format, offsets } = formatterOf(name);
  const quarter = Math.floor(seconds / QUARTER);
  const known = offsets.get(quarter);
  if (known !== undefined) return known;
  const parts = new Map(format.formatToParts(quarter * QUARTER * 1000).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  const year = parts.get("era") === "BC" ? 1 - part("year") : part("year");
  const local =
    utcSeconds(year, part("month"), part("day")) + part("hour") * 3600 + part("minute") * 60 + part("second");
  const offset = local - quarter * QUARTER;
  if (offsets.size >= MAX_KNOWN_OFFSETS) offsets.clear();
  offsets.set(quarter, offset);
  return offset;
}
