import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { get } from "node:http";
import { connect as connectSocket } from "node:net";
import { after, before, describe, test } from "node:test";
import { Client, Metadata, type ServiceError, credentials } from "@grpc/grpc-js";
import { SystemRuntime } from "../../base/host/system.ts";
import { WireReader } from "../wire/reader.ts";
import { GrpcCode, GrpcFailure } from "./failure.ts";
import { dropLongTimeout } from "./injector.ts";
import { type GrpcCall, GrpcServer, type GrpcServerOptions } from "./server.ts";

const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

interface Reply {
  readonly bytes: Buffer | null;
  readonly error: ServiceError | null;
}

class Peer {
  readonly client: Client;
  constructor(port: number) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  call(path: string, request: Uint8Array, metadata = new Metadata(), deadline?: number): Promise<Reply> {
    return new Promise((resolve) => {
      const options = deadline === undefined ? {} : { deadline };
      this.client.makeUnaryRequest(path, identity, identity, request, metadata, options, (error, bytes) =>
        resolve({ bytes: bytes ?? null, error }),
      );
    });
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

async function started(options: Partial<GrpcServerOptions> = {}): Promise<{ server: GrpcServer; port: number }> {
  const server = new GrpcServer(new SystemRuntime(), options);
  server.register("/t.Echo/Call", async (request) => request);
  server.register("/t.Echo/Pieces", async (request) => [request.subarray(0, 3), request.subarray(3)]);
  const port = await server.listen("127.0.0.1", 0);
  return { server, port };
}

describe("GrpcServer", () => {
  let server: GrpcServer;
  let port: number;
  let seen: GrpcCall | null = null;

  before(async () => {
    ({ server, port } = await started());
    server.register("/t.Echo/Info", async (_request, call) => {
      seen = call;
      return new Uint8Array();
    });
    server.register("/t.Echo/Fail", async () => {
      throw new GrpcFailure(GrpcCode.PermissionDenied, "PrivilegeInsert: permission deny to `ülice` 100%\n\ud800");
    });
    server.register("/t.Echo/Throw", () => {
      throw new TypeError("a bug");
    });
    server.register("/t.Echo/Decode", async (request) => {
      const reader = new WireReader(request);
      while (reader.next()) reader.skip();
      return new Uint8Array();
    });
    server.register("/t.Echo/Big", async () => new Uint8Array(9 * 1024 * 1024).fill(7));
    server.register("/t.Echo/Later", async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return request;
    });
    server.registerStream("/t.Echo/Count", async function* (request) {
      for (let index = 0; index < request.length; index += 1) yield Uint8Array.of(index);
      if (request.length === 3) throw new GrpcFailure(GrpcCode.Aborted, "three is enough");
    });
  });

  after(() => server.close(0));

  test("hands raw bytes in and out, empty, small and large", async () => {
    using peer = new Peer(port);
    for (const length of [0, 1, 5, 16 * 1024, 3_000_000]) {
      const request = Buffer.alloc(length, "abcdefg");
      const { bytes, error } = await peer.call("/t.Echo/Call", request);
      assert.equal(error, null);
      assert.ok(bytes!.equals(request));
    }
  });

  test("sends an answer in pieces as one message", async () => {
    using peer = new Peer(port);
    for (const length of [7, 200_000, 3_000_000]) {
      const request = Buffer.alloc(length, "abcdefg");
      const { bytes } = await peer.call("/t.Echo/Pieces", request);
      assert.ok(bytes!.equals(request), `${length} bytes`);
    }
  });

  test("tells the handler metadata, deadline and peer", async () => {
    using peer = new Peer(port);
    const metadata = new Metadata();
    metadata.set("Authorization", "cm9vdDpNaWx2dXM=");
    metadata.set("dbname", "default");
    metadata.set("trace-bin", Buffer.from([1, 255]));
    const deadline = Date.now() + 60_000;
    assert.equal((await peer.call("/t.Echo/Info", Buffer.alloc(1), metadata, deadline)).error, null);
    assert.equal(seen!.metadata.get("authorization"), "cm9vdDpNaWx2dXM=");
    assert.equal(seen!.metadata.get("dbname"), "default");
    assert.equal(seen!.metadata.get("trace-bin"), "Af8=");
    assert.match(seen!.metadata.get("user-agent")!, /^grpc-node-js/);
    assert.ok(Math.abs(seen!.deadlineMilliseconds! - deadline) < 2000);
    assert.match(seen!.peer, /^127\.0\.0\.1:\d+$/);
    assert.equal(seen!.signal.aborted, false);
    await peer.call("/t.Echo/Info", Buffer.alloc(1));
    assert.equal(seen!.deadlineMilliseconds, null);
  });

  test("turns what a handler throws into a status", async () => {
    using peer = new Peer(port);
    const failed = (await peer.call("/t.Echo/Fail", Buffer.alloc(0))).error!;
    assert.equal(failed.code, GrpcCode.PermissionDenied);
    assert.equal(failed.details, "PrivilegeInsert: permission deny to `ülice` 100%\n\ufffd");
    const thrown = (await peer.call("/t.Echo/Throw", Buffer.alloc(0))).error!;
    assert.equal(thrown.code, GrpcCode.Unknown);
    assert.equal(thrown.details, "a bug");
    const broken = (await peer.call("/t.Echo/Decode", Buffer.from([0x0a, 0x05, 0x01]))).error!;
    assert.equal(broken.code, GrpcCode.Internal);
    assert.match(broken.details, /^grpc: error unmarshalling request: proto: cannot parse invalid wire-format data/);
  });

  test("answers an unknown method with UNIMPLEMENTED and its name", async () => {
    using peer = new Peer(port);
    const { error } = await peer.call("/milvus.proto.milvus.MilvusService/Fly", Buffer.alloc(0));
    assert.equal(error!.code, GrpcCode.Unimplemented);
    assert.match(error!.details, /\/milvus\.proto\.milvus\.MilvusService\/Fly/);
  });

  test("streams answers and ends a stream with a status", async () => {
    using peer = new Peer(port);
    const read = async (length: number): Promise<number[]> => {
      const call = peer.client.makeServerStreamRequest("/t.Echo/Count", identity, identity, Buffer.alloc(length));
      const numbers: number[] = [];
      for await (const answer of call) numbers.push((answer as Buffer)[0]!);
      return numbers;
    };
    assert.deepEqual(await read(2), [0, 1]);
    assert.deepEqual(await read(0), []);
    await assert.rejects(read(3), { code: GrpcCode.Aborted, details: "three is enough" });
  });

  test("tells its health", async () => {
    using peer = new Peer(port);
    const check = (service: string): Promise<Reply> =>
      peer.call(
        "/grpc.health.v1.Health/Check",
        Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]),
      );
    assert.deepEqual([...(await peer.call("/grpc.health.v1.Health/Check", Buffer.alloc(0))).bytes!], [8, 1]);
    assert.deepEqual([...(await check("t.Echo")).bytes!], [8, 1]);
    assert.equal((await check("t.Nobody")).error!.code, GrpcCode.NotFound);
    const watch = peer.client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      identity,
      identity,
      Buffer.alloc(0),
    );
    watch.on("error", () => {});
    assert.deepEqual([...((await once(watch, "data"))[0] as Buffer)], [8, 1]);
    server.setServing(false);
    assert.deepEqual([...((await once(watch, "data"))[0] as Buffer)], [8, 2]);
    assert.deepEqual([...(await check("")).bytes!], [8, 2]);
    server.setServing(true);
    watch.cancel();
  });

  test("advertises wide receive windows", async () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const [settings] = await once(session, "remoteSettings");
    assert.equal(settings.initialWindowSize, 16 * 1024 * 1024);
    assert.equal(settings.maxConcurrentStreams, 1000);
    // The window of the connection itself comes as a WINDOW_UPDATE, on top of HTTP/2's 65,535.
    await new Promise((resolve) => session.ping(resolve));
    assert.ok(session.state.remoteWindowSize! >= 16 * 1024 * 1024, `window ${session.state.remoteWindowSize}`);
    session.close();
  });

  test("takes no notice of a time-out too long to count", async () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/t.Echo/Later",
      "content-type": "application/grpc",
      te: "trailers",
      // 3e9 ms wraps to a negative number, and the call would end before its answer.
      "grpc-timeout": "3000000S",
    });
    stream.end(Buffer.from([0, 0, 0, 0, 1, 42]));
    stream.resume();
    let status: unknown;
    const note = (headers: Record<string, unknown>): unknown => (status = headers["grpc-status"] ?? status);
    stream.on("response", note).on("trailers", note);
    await once(stream, "close");
    assert.equal(status, "0");
    session.close();
    const short = { "grpc-timeout": "100S" };
    dropLongTimeout(short);
    assert.deepEqual(short, { "grpc-timeout": "100S" });
  });

  test("answers HTTP/1.1 with a text that says what this port is", async () => {
    const response = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      get({ host: "127.0.0.1", port, path: "/v2/vectordb/collections/list", agent: false }, (incoming) => {
        let text = "";
        incoming.setEncoding("utf8").on("data", (part: string) => (text += part));
        incoming.on("end", () => resolve({ status: incoming.statusCode!, text }));
      }).on("error", reject);
    });
    assert.equal(response.status, 404);
    assert.match(response.text, /gRPC port/);
    assert.match(response.text, /not served/);
  });

  test("closes a connection that speaks neither protocol and lives on", async () => {
    for (const bytes of [
      Buffer.from([0x16, 0x03, 0x01, 0x00]),
      Buffer.from("PRX"),
      Buffer.from("get / HTTP/1.1\r\n\r\n"),
      Buffer.alloc(100),
    ]) {
      const socket = connectSocket(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(bytes);
      await once(socket.resume(), "close");
    }
    // A good preface, then noise.
    const socket = connectSocket(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.alloc(200, 0xff));
    await once(socket.resume(), "close");
    using peer = new Peer(port);
    assert.equal((await peer.call("/t.Echo/Call", Buffer.alloc(4))).error, null);
  });

  test("understands a preface that comes byte by byte", async () => {
    const socket = connectSocket(port, "127.0.0.1");
    await once(socket, "connect");
    socket.setNoDelay(true);
    for (const byte of Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const [chunk] = (await once(socket, "data")) as [Buffer];
    assert.equal(chunk[3], 4, "the server answers with SETTINGS");
    socket.destroy();
  });

  test("survives strange paths, types and methods", async () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const outcome = async (headers: Record<string, string>, body: Buffer): Promise<string> => {
      const stream = session.request(headers);
      stream.on("error", () => {});
      let status = "none";
      stream.on("response", (response) => (status = `${response[":status"]} ${response["grpc-status"] ?? ""}`));
      stream.end(body);
      stream.resume();
      await new Promise((resolve) => stream.on("close", resolve));
      return status;
    };
    const grpc = { ":method": "POST", "content-type": "application/grpc" };
    assert.equal(
      await outcome({ ":method": "POST", ":path": "/t.Echo/Call", "content-type": "text/plain" }, Buffer.alloc(0)),
      "415 ",
    );
    assert.equal(await outcome({ ...grpc, ":path": `/t.%0d%0a"<>{}|/'\\` }, Buffer.alloc(0)), "200 12");
    assert.equal(await outcome({ ...grpc, ":path": "/t.\u00e9/\u00ff" }, Buffer.alloc(0)), "200 12");
    // HTTP/2 itself resets this stream.
    assert.equal(await outcome({ ...grpc, ":path": "*" }, Buffer.alloc(0)), "none");
    assert.equal(await outcome({ ...grpc, ":path": "/t.Echo/Call", "grpc-timeout": "x" }, Buffer.alloc(5)), "200 13");
    assert.equal(
      await outcome({ ...grpc, ":path": "/t.Echo/Call", "grpc-encoding": "br" }, Buffer.from([1, 0, 0, 0, 1, 9])),
      "200 12",
    );
    assert.equal(await outcome({ ...grpc, ":path": "/t.Echo/Call" }, Buffer.alloc(0)), "200 12");
    session.close();
    using peer = new Peer(port);
    assert.equal((await peer.call("/t.Echo/Call", Buffer.alloc(4))).error, null);
  });

  test("sends what is larger than any window", async () => {
    using peer = new Peer(port);
    const { bytes } = await peer.call("/t.Echo/Big", Buffer.alloc(0));
    assert.equal(bytes!.length, 9 * 1024 * 1024);
    assert.ok(bytes!.every((byte) => byte === 7));
  });
});

describe("GrpcServer's limits", () => {
  test("refuses a message that is too large, in either direction", async () => {
    const { server, port } = await started({ maximumReceiveBytes: 1000, maximumSendBytes: 500 });
    using peer = new Peer(port);
    const received = (await peer.call("/t.Echo/Call", Buffer.alloc(1001))).error!;
    assert.equal(received.code, GrpcCode.ResourceExhausted);
    assert.match(received.details, /message larger than max/);
    const sent = (await peer.call("/t.Echo/Call", Buffer.alloc(501))).error!;
    assert.equal(sent.code, GrpcCode.ResourceExhausted);
    assert.match(sent.details, /message larger than max/);
    assert.equal((await peer.call("/t.Echo/Call", Buffer.alloc(500))).error, null);
    await server.close(0);
  });

  test("refuses calls beyond its number and counts them down again", async () => {
    const { server, port } = await started({ maximumCalls: 1 });
    const gate = Promise.withResolvers<Uint8Array>();
    const entered = Promise.withResolvers<void>();
    server.register("/t.Echo/Wait", () => (entered.resolve(), gate.promise));
    using peer = new Peer(port);
    const waiting = peer.call("/t.Echo/Wait", Buffer.alloc(0));
    await entered.promise;
    assert.equal(server.activeCalls, 1);
    assert.equal((await peer.call("/t.Echo/Call", Buffer.alloc(0))).error!.code, GrpcCode.ResourceExhausted);
    gate.resolve(new Uint8Array());
    assert.equal((await waiting).error, null);
    assert.equal(server.activeCalls, 0);
    assert.equal((await peer.call("/t.Echo/Call", Buffer.alloc(0))).error, null);
    await server.close(0);
  });

  test("accepts no more connections than allowed", async () => {
    const { server, port } = await started({ maximumConnections: 2 });
    const sockets = [1, 2, 3].map(() => connectSocket(port, "127.0.0.1").on("error", () => {}));
    await once(sockets[2]!.resume(), "close");
    assert.equal(server.connectionCount, 2);
    for (const socket of sockets) socket.destroy();
    await server.close(0);
  });

  test("closes a connection that says nothing", async () => {
    const { server, port } = await started({ sniffMilliseconds: 30 });
    const silent = connectSocket(port, "127.0.0.1");
    await once(silent.resume(), "close");
    const slow = connectSocket(port, "127.0.0.1");
    slow.write("PRI * HT");
    await once(slow.resume(), "close");
    await server.close(0);
  });
});

async function waiting(): Promise<{
  server: GrpcServer;
  port: number;
  entered: Promise<GrpcCall>;
  open: () => void;
}> {
  const { server, port } = await started();
  const gate = Promise.withResolvers<Uint8Array>();
  const entered = Promise.withResolvers<GrpcCall>();
  server.register("/t.Echo/Wait", (_request, call) => (entered.resolve(call), gate.promise));
  return { server, port, entered: entered.promise, open: () => gate.resolve(Uint8Array.of(1)) };
}

describe("the end of a call and of a server", () => {
  test("a cancelled call aborts its signal", async () => {
    const { server, port, entered, open } = await waiting();
    using peer = new Peer(port);
    const call = peer.client.makeUnaryRequest("/t.Echo/Wait", identity, identity, Buffer.alloc(0), () => {});
    const { signal } = await entered;
    call.cancel();
    if (!signal.aborted) await once(signal, "abort");
    assert.equal((signal.reason as GrpcFailure).code, GrpcCode.Cancelled);
    open();
    await server.close(0);
    assert.equal(server.activeCalls, 0);
  });

  test("a passed deadline aborts its signal", async () => {
    const { server, port, entered, open } = await waiting();
    // A client of grpc-js would count from before it is connected, and may give up before the server has heard of the call.
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/t.Echo/Wait",
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "250m",
    });
    stream.end(Buffer.alloc(5));
    stream.resume();
    let status: unknown;
    const note = (headers: Record<string, unknown>): unknown => (status = headers["grpc-status"] ?? status);
    stream.on("response", note).on("trailers", note);
    const { signal } = await entered;
    if (!signal.aborted) await once(signal, "abort");
    assert.equal((signal.reason as GrpcFailure).code, GrpcCode.DeadlineExceeded);
    if (!stream.closed) await once(stream, "close");
    assert.equal(status, String(GrpcCode.DeadlineExceeded));
    session.close();
    open();
    await server.close(0);
  });

  test("a lost connection aborts its signal", async () => {
    const { server, port, entered, open } = await waiting();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": "/t.Echo/Wait", "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.end(Buffer.alloc(5));
    const { signal } = await entered;
    session.destroy(undefined, constants.NGHTTP2_CANCEL);
    if (!signal.aborted) await once(signal, "abort");
    open();
    await server.close(0);
  });

  test("close lets a running call end and refuses new connections", async () => {
    const { server, port, entered, open } = await waiting();
    using peer = new Peer(port);
    const reply = peer.call("/t.Echo/Wait", Buffer.alloc(0));
    const { signal } = await entered;
    const closed = server.close(10_000);
    const refused = connectSocket(port, "127.0.0.1");
    assert.equal(((await once(refused, "error"))[0] as NodeJS.ErrnoException).code, "ECONNREFUSED");
    open();
    assert.deepEqual([...(await reply).bytes!], [1]);
    await closed;
    assert.equal(signal.aborted, false);
    assert.equal(server.connectionCount, 0);
  });

  test("close forces what outlasts the grace", async () => {
    const { server, port, entered, open } = await waiting();
    using peer = new Peer(port);
    const reply = peer.call("/t.Echo/Wait", Buffer.alloc(0));
    const { signal } = await entered;
    const idle = connectSocket(port, "127.0.0.1").on("error", () => {});
    await once(idle, "connect");
    await server.close(50);
    assert.notEqual((await reply).error, null);
    if (!signal.aborted) await once(signal, "abort");
    open();
    assert.equal(server.connectionCount, 0);
  });

  test("listening on a taken port fails with its name", async () => {
    const { server, port } = await started();
    const second = new GrpcServer(new SystemRuntime());
    await assert.rejects(second.listen("127.0.0.1", port), /EADDRINUSE.*127\.0\.0\.1/);
    await second.close(0);
    await server.close(0);
  });
});
