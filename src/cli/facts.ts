/** One line of facts: `key=value  key=value`, or JSON where `--json` asks for it. */

import type { Invocation } from "./command.ts";

export function writeFacts(invocation: Invocation, facts: Readonly<Record<string, unknown>>): void {
  const asText = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);
  const line = invocation.flag("json")
    ? JSON.stringify(facts, asText)
    : Object.entries(facts)
        .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value, asText)}`)
        .join("  ");
  invocation.terminal.output.write(`${line}\n`);
}
