/** What every `Transport` must do, as one suite that each implementation runs. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MilvusError, milvusError } from "../base/errors.ts";
import type { Call, Transport } from "./transport.ts";

interface Echo {
  echo(request: { readonly text: string }): Promise<{ readonly text: string }>;
  add(request: { readonly values: BigInt64Array }): Promise<{ readonly sum: bigint }>;
  fail(request: { readonly kind: "input" | "retriable" | "foreign" }): Promise<void>;
  /** Answers when the caller gives up, with why. */
  hang(request: object): Promise<void>;
}

interface Served {
  /** The reasons for which calls of `hang` ended. */
  readonly ended: MilvusError[];
  readonly seen: BigInt64Array[];
}

export interface TransportUnderTest {
  readonly transport: Transport;
  close(): Promise<void>;
}

function serve(transport: Transport, name: string): Served & { readonly stop: () => void } {
  const ended: MilvusError[] = [];
  const seen: BigInt64Array[] = [];
  const stop = transport.serve<Echo>(name, {
    echo: async ({ text }) => ({ text }),
    add: async ({ values }) => {
      seen.push(values);
      return { sum: values.reduce((sum, value) => sum + value, 0n) };
    },
    fail: async ({ kind }) => {
      if (kind === "input") throw milvusError("CollectionSchemaMismatch", "told", { field: 7 });
      if (kind === "retriable") throw milvusError("ChannelMisrouted", "", { channel: "c" });
      throw new TypeError("not one of ours");
    },
    hang: (_request, { signal }: Call) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          ended.push(signal.reason as MilvusError);
          reject(signal.reason as Error);
        });
      }),
  });
  return { ended, seen, stop };
}

function isError(kind: string, text?: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof MilvusError && error.kind === kind && (text?.test(error.message) ?? true);
}

export function transportConformance(name: string, make: () => Promise<TransportUnderTest>): void {
  const check = (what: string, body: (transport: Transport) => Promise<void>): void => {
    test(what, async () => {
      const { transport, close } = await make();
      try {
        await body(transport);
      } finally {
        await close();
      }
    });
  };

  describe(`Transport: ${name}`, () => {
    check("a call brings back what the method returned", async (transport) => {
      serve(transport, "echo");
      assert.deepEqual(await transport.client<Echo>("echo").echo({ text: "grüße" }), { text: "grüße" });
    });

    check(
      "a client may be made before its service; a name that nobody serves is a retriable error",
      async (transport) => {
        const client = transport.client<Echo>("echo");
        await assert.rejects(client.echo({ text: "" }), isError("ServiceUnavailable", /echo/));
        const error = await client.echo({ text: "" }).catch((thrown: unknown) => thrown as MilvusError);
        assert.ok(error instanceof MilvusError && error.retriable);
        serve(transport, "echo");
        assert.deepEqual(await client.echo({ text: "now" }), { text: "now" });
      },
    );

    check("a method that the service does not have is unimplemented", async (transport) => {
      serve(transport, "echo");
      const client = transport.client<Echo & { other(request: object): Promise<void> }>("echo");
      await assert.rejects(client.other({}), isError("ServiceUnimplemented", /other/));
      for (const inherited of ["toString", "constructor", "hasOwnProperty"]) {
        const method = (client as unknown as Record<string, (request: object) => Promise<void>>)[inherited]!;
        await assert.rejects(method({}), isError("ServiceUnimplemented"));
      }
    });

    check("an error keeps its code and text; a foreign one becomes 65535 and keeps its text", async (transport) => {
      serve(transport, "echo");
      const client = transport.client<Echo>("echo");
      await assert.rejects(
        client.fail({ kind: "input" }),
        (error: unknown) =>
          error instanceof MilvusError &&
          error.code === 109 &&
          error.message === "told: collection schema mismatch[field=7]" &&
          error.isInput &&
          !error.retriable,
      );
      await assert.rejects(
        client.fail({ kind: "retriable" }),
        (error: unknown) => error instanceof MilvusError && error.code === 507 && error.retriable,
      );
      await assert.rejects(
        client.fail({ kind: "foreign" }),
        (error: unknown) =>
          error instanceof MilvusError && error.code === 65_535 && /not one of ours/.test(error.message),
      );
    });

    check("a deadline ends the call for the caller and for the method", async (transport) => {
      const { ended } = serve(transport, "echo");
      const client = transport.client<Echo>("echo");
      await assert.rejects(client.hang({}, { timeoutMilliseconds: 20 }), isError("ContextDeadlineExceeded"));
      assert.deepEqual(
        ended.map(({ kind }) => kind),
        ["ContextDeadlineExceeded"],
      );
      assert.deepEqual(await client.echo({ text: "quick" }, { timeoutMilliseconds: 10_000 }), { text: "quick" });
    });

    check("a caller that gives up ends the call, and the method hears of it", async (transport) => {
      const { ended } = serve(transport, "echo");
      const client = transport.client<Echo>("echo");
      const stop = new AbortController();
      const call = client.hang({}, { signal: stop.signal });
      stop.abort(new Error("enough"));
      await assert.rejects(call, isError("ContextCanceled"));
      assert.equal(ended.length, 1);
      await assert.rejects(client.echo({ text: "" }, { signal: stop.signal }), isError("ContextCanceled"));
    });

    check("what is changed after it was sent arrives as it was", async (transport) => {
      const { seen } = serve(transport, "echo");
      const client = transport.client<Echo>("echo");
      const values = BigInt64Array.of(1n, 2n, 3n);
      const call = client.add({ values });
      values.fill(100n);
      assert.deepEqual(await call, { sum: 6n });
      seen[0]!.fill(-1n);
      assert.deepEqual([...values], [100n, 100n, 100n]);
    });

    check("after a service has stopped nobody serves its name, until somebody does again", async (transport) => {
      const { stop } = serve(transport, "echo");
      const client = transport.client<Echo>("echo");
      stop();
      await assert.rejects(client.echo({ text: "" }), isError("ServiceUnavailable"));
      const second = serve(transport, "echo");
      stop();
      assert.deepEqual(await client.echo({ text: "again" }), { text: "again" });
      second.stop();
      await assert.rejects(client.echo({ text: "" }), isError("ServiceUnavailable"));
    });

    check("a name is served once at a time, and names do not mix", async (transport) => {
      serve(transport, "one");
      assert.throws(() => serve(transport, "one"), /once/);
      const { seen } = serve(transport, "two");
      await transport.client<Echo>("one").add({ values: BigInt64Array.of(1n) });
      assert.equal(seen.length, 0);
    });

    check("many calls at once each get their own answer", async (transport) => {
      serve(transport, "echo");
      const client = transport.client<Echo>("echo");
      const texts = Array.from({ length: 200 }, (_, at) => `call ${at}`);
      const answers = await Promise.all(texts.map((text) => client.echo({ text }, { timeoutMilliseconds: 10_000 })));
      assert.deepEqual(
        answers.map(({ text }) => text),
        texts,
      );
    });

    check("a client can be awaited without being called", async (transport) => {
      const client = transport.client<Echo>("echo");
      assert.equal(await Promise.resolve(client), client);
    });
  });
}
