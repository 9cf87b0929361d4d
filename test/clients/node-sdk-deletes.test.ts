/** Milvus's SDK for Node and a server that counts the keys which a delete by a filter finds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";

const served = serveSuite(["--limit-found-deletes"]);

test("keys that a filter finds count against the rate of deletes", async () => {
  const collection_name = "found_deletes";
  succeeded(
    await served.client.createCollection({
      collection_name,
      dimension: 4,
      metric_type: "L2",
      consistency_level: "Strong",
    }),
  );
  const data = Array.from({ length: 100 }, (_, id) => ({ id, vector: [id, 0, 0, 1], group: id % 2 }));
  succeeded(await served.client.insert({ collection_name, data }));
  const count = async (): Promise<number> => Number(succeeded(await served.client.count({ collection_name })).data);
  const rate = "collection.deleteRate.max.mb";
  // The text of a filter has tokens to spare; the 400 bytes of the keys that it finds put the rate into debt.
  const properties = { [rate]: String(100 / 2 ** 20) };
  succeeded(await served.client.alterCollectionProperties({ collection_name, properties }));
  const remove = (filter: string) => served.client.delete({ collection_name, filter });
  assert.equal(succeeded(await remove("group == 0")).delete_cnt, "50");
  assert.equal(await count(), 50);
  refused(await remove("group == 1"), "rate limit exceeded[rate=", 8);
  assert.equal(await count(), 50, "refused whole");
  succeeded(await served.client.dropCollectionProperties({ collection_name, properties: [rate] }));
  succeeded(await remove("group == 1"));
  assert.equal(await count(), 0);
});
