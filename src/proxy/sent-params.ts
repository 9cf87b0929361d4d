/** The parameters of an index as clients are told them back. */

import type { KeyValue } from "../model/schema.ts";

/**
 * Type and metric as settled, the rest in the form it came in: who nested it under `params`, as the ORM of pymilvus does, gets it nested
 * and compares it with what was sent.
 */
export function paramsAsSent(given: readonly KeyValue[], flat: readonly KeyValue[]): KeyValue[] {
  const isSettled = ({ key }: KeyValue): boolean => key === "index_type" || key === "metric_type";
  return [...flat.filter(isSettled), ...given.filter((param) => !isSettled(param) && param.value !== "")];
}
