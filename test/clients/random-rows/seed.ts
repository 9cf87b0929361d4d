/** What a run is drawn from: the seed that `npm test -- --seed N` names, or another one each time. */

import fc from "fast-check";

export function seedOfRun(): number {
  return fc.readConfigureGlobal().seed ?? Math.floor(Math.random() * 2 ** 31);
}
