import assert from "node:assert/strict";
import { test } from "node:test";
import { filtersOf, loadKernel } from "../../src/kernel/load.ts";
import { FilterTexts } from "./filter-text.ts";
import { filterCorpus } from "./filter.ts";

test("the corpus of filters, and some thousand mutations of it, break nothing", () => {
  const texts = new FilterTexts(11, filterCorpus(), filtersOf(loadKernel()));
  texts.corpus();
  for (let times = 0; times < 3_000; times += 1) texts.step();
  const { texts: all, filters, programs } = texts.counts;
  assert.ok(all > 3_000 && filters > 500 && programs > 300, JSON.stringify(texts.counts));
});
