/** Writes `docs/seeds.md`. */

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { PAGE, seedsPage } from "./page.ts";

writeFileSync(resolve(import.meta.dirname, "../..", PAGE), seedsPage());
console.log(`wrote ${PAGE}`);
