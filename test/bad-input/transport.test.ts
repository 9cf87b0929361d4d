import assert from "node:assert/strict";
import { get } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";
import { METHODS } from "../../src/server/milvus/service.ts";
import { int64s, service } from "../../src/server/milvus/testing/messages.ts";
import { TestClient } from "../../src/server/milvus/testing/server.ts";
import { BOOKS, type Fixture, goodColumns, openFixture, snapshot } from "./fixture.ts";

const INTERNAL = 13;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const LIMIT = 1024 * 1024;

const PREFIX = `/${MilvusService.typeName}/`;

describe("what is no request of Milvus", () => {
  let fixture: Fixture;
  let state: unknown;

  before(async () => {
    fixture = await openFixture({ maximumReceiveBytes: LIMIT });
    state = await snapshot(fixture.client);
  });

  after(async () => {
    assert.deepEqual(await snapshot(fixture.client), state, "nothing of it changes anything");
    await fixture.close();
  });

  test("a message over the limit ends with RESOURCE_EXHAUSTED", async () => {
    const pages = int64s(
      "pages",
      Array.from({ length: LIMIT / 4 }, () => 2n ** 62n),
    );
    const refused = fixture.client.call(service.insert, {
      collectionName: BOOKS,
      fieldsData: goodColumns(pages),
      numRows: 3,
    });
    await assert.rejects(refused, (error: { code: number; message: string }) => {
      assert.equal(error.code, RESOURCE_EXHAUSTED);
      assert.match(error.message, /message larger than max/);
      return true;
    });
  });

  for (const { path } of METHODS) {
    test(`broken protobuf ends with INTERNAL: ${path.slice(PREFIX.length)}`, async () => {
      for (const bytes of [
        // A length that runs past the end, a varint without an end, a wire type that is none.
        Uint8Array.of(0x12, 0x7f, 0x61),
        new Uint8Array(12).fill(0xff),
        Uint8Array.of(0x17),
      ]) {
        const { error } = await fixture.client.raw(path, bytes);
        assert.equal(error?.code, INTERNAL, path);
        assert.match(error.details, /unmarshalling request/);
      }
    });
  }

  test("text that is no UTF-8 ends with INTERNAL", async () => {
    const { error } = await fixture.client.raw(`${PREFIX}HasCollection`, Uint8Array.of(0x1a, 0x02, 0xc3, 0x28));
    assert.equal(error?.code, INTERNAL);
  });

  test("every method that is not served says so under its name", async () => {
    const served = new Set(METHODS.map(({ path }) => path));
    let refused = 0;
    for (const { name, methodKind } of MilvusService.methods) {
      const path = `${PREFIX}${name}`;
      if (served.has(path) || methodKind !== "unary") continue;
      const { error } = await fixture.client.raw(path, new Uint8Array());
      assert.equal(error?.code, UNIMPLEMENTED, path);
      assert.match(error.details, new RegExp(`\\b${name}\\b`));
      refused += 1;
    }
    assert.ok(refused > 0);
    const { error } = await fixture.client.raw(`${PREFIX}Nonsense`, new Uint8Array());
    assert.equal(error?.code, UNIMPLEMENTED);
  });

  test("plain HTTP gets an answer that says what this port is", async () => {
    const body = await new Promise<string>((resolve, reject) => {
      get(`http://127.0.0.1:${fixture.server.port}/`, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve(text));
      }).on("error", reject);
    });
    assert.match(body, /gRPC/);
  });

  test("bytes that are no protocol end the connection and nothing else", async () => {
    const closed = new Promise<void>((resolve) => {
      const socket = connect(fixture.server.port, "127.0.0.1", () => socket.write(Buffer.alloc(64, 0x07)));
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
    });
    await closed;
  });

  test("an unknown database at the first word is an error of that word", async () => {
    const client = new TestClient(fixture.server.port, { dbname: "nowhere" });
    const answer = await client.call(service.connect, {});
    assert.equal(answer.status!.code, 800);
    assert.equal(answer.status!.reason, "database not found[database=nowhere]");
    client.close();
  });
});
