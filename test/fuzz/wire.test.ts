import assert from "node:assert/strict";
import { test } from "node:test";
import { Requests } from "./requests.ts";
import { requestCorpus } from "./wire.ts";

test("the corpus of requests, and some thousand mutations of it, break nothing", async () => {
  const requests = new Requests(5, requestCorpus());
  await requests.corpus();
  for (let times = 0; times < 2_000; times += 1) await requests.step();
  await requests.close();
  assert.ok(requests.interesting.length > 60, `${requests.interesting.length} kinds of answers`);
});
