/** Every type through both real clients: see `journey.ts`. Each run tells its seed; `--seed` of `npm test` repeats it, `main.ts` runs more of them. */

import { after, describe, test } from "node:test";
import { ACROSS_CARRIES, CLIENTS } from "./clients.ts";
import { runJourney } from "./journey.ts";
import { seedOfRun } from "./seed.ts";

const ROWS = 40;
const seed = seedOfRun();

describe(`random rows of every type, seed ${seed}`, () => {
  const { node, python } = CLIENTS;
  const runs = {
    "through pymilvus": { writers: [python.client], readers: [python.client], carried: python.carried },
    "through the Node SDK": { writers: [node.client], readers: [node.client], carried: node.carried },
    "written by either client, read by both": {
      writers: [python.client, node.client],
      readers: [python.client, node.client],
      carried: ACROSS_CARRIES,
    },
  };

  after(async () => {
    for (const { client } of [node, python]) await client.close();
  });

  for (const [name, clients] of Object.entries(runs)) {
    test(`${name}: what is read is what was sent`, async (context) => {
      const seen = await runJourney({ seed, rowCount: ROWS, ...clients });
      context.diagnostic(`seed ${seed}: ${JSON.stringify(seen)}`);
    });
  }
});
