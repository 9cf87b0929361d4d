/** The two real clients, and what each and both of them carry. */

import type { Carried } from "./draw.ts";
import { NodeRows } from "./node-rows.ts";
import { NODE_CARRIES } from "./node-values.ts";
import { PYTHON_CARRIES, PythonRows } from "./python-rows.ts";

export const CLIENTS = {
  python: { client: new PythonRows(), carried: PYTHON_CARRIES },
  node: { client: new NodeRows(), carried: NODE_CARRIES },
} as const;

/** What one writes and the other reads: a float of a document that is whole is written by `JSON.stringify` as an integer. */
export const ACROSS_CARRIES: Carried = { ...NODE_CARRIES, documentFloats: "fractions" };
