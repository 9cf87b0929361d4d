/**
 * The contract of `MetaStore` as tests: every implementation runs all of them.
 *
 * `make` hands out an empty store for one test; a durable one also says how to `reopen` it (close and open again on the same
 * data, as after a restart).
 */

import { after, describe } from "node:test";
import { durabilityTests } from "./conformance/durability.ts";
import { leaseTests } from "./conformance/leases.ts";
import { rangeTests } from "./conformance/ranges.ts";
import type { MakeStore } from "./conformance/subject.ts";
import { transactionTests } from "./conformance/transactions.ts";
import { watchTests } from "./conformance/watches.ts";

export function metaStoreConformance(name: string, make: MakeStore, options: { readonly isDurable: boolean }): void {
  describe(`${name} keeps the contract of MetaStore`, () => {
    /** Ends watches that a failed test left behind. */
    const stop = new AbortController();
    after(() => stop.abort());

    transactionTests(make);
    rangeTests(make);
    watchTests(make, stop.signal);
    leaseTests(make, stop.signal);
    if (options.isDurable) durabilityTests(make, stop.signal);
  });
}
