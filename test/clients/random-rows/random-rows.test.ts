/** Every type through both real clients: see `journey.ts`. Each run tells its seed; `--seed` of `npm test` repeats it, `main.ts` runs more of them. */

import { type TestContext, after, describe, test } from "node:test";
import { ACROSS_CARRIES, CLIENTS } from "./clients.ts";
import { type Journey, runJourney } from "./journey.ts";
import { seedOfRun } from "./seed.ts";

const ROWS = 40;
const seed = seedOfRun();

describe(`random rows of every type, seed ${seed}`, () => {
  const { node, python } = CLIENTS;
  const both = [python.client, node.client];

  after(async () => {
    for (const client of both) await client.close();
  });

  const run = async (
    context: TestContext,
    clients: Pick<Journey, "writers" | "readers" | "carried">,
  ): Promise<void> => {
    context.diagnostic(`seed ${seed}: ${JSON.stringify(await runJourney({ seed, rowCount: ROWS, ...clients }))}`);
  };

  test("random_rows: what pymilvus sends is what it reads", (context) =>
    run(context, { writers: [python.client], readers: [python.client], carried: python.carried }));

  test("what the Node SDK sends is what it reads", (context) =>
    run(context, { writers: [node.client], readers: [node.client], carried: node.carried }));

  test("what either client writes is what both read", (context) =>
    run(context, { writers: both, readers: both, carried: ACROSS_CARRIES }));
});
