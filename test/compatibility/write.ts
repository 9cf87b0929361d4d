/** Writes `docs/compatibility.md`. */

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { PAGE, methodsPage } from "./page.ts";

writeFileSync(resolve(import.meta.dirname, "../..", PAGE), methodsPage());
console.log(`wrote ${PAGE}`);
