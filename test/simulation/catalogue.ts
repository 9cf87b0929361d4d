/** Every scenario that there is, by the names of the fault catalogue. */

import type { Scenario } from "./scenario.ts";
import { mix } from "./scenarios/mix.ts";

export const SCENARIOS: readonly Scenario[] = [mix];
