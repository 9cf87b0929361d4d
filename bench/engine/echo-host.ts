/**
 * What a unary call costs a server that does nothing with it: by grpc-js, by Node's own HTTP/2 with frames and trailers by hand, or by a
 * bare connection, where a call is as many bytes as a request has. Started by `served.ts`:
 * `echo-host.ts <grpc-js | http2 | tcp> <bytes of an answer> <bytes of a request>`; it says `listening on 127.0.0.1:<port>`.
 */

import { createServer, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { Server, ServerCredentials, type sendUnaryData } from "@grpc/grpc-js";

/** Any method path is answered by hand; this one by grpc-js. */
const PATH = "/bench.Echo/Call";
const HEADER_BYTES = 5;

const [kind, length, asked] = process.argv.slice(2);
const answer = Buffer.alloc(Number(length), 1);

function say(port: number): void {
  console.log(`listening on 127.0.0.1:${port}`);
}

function byLibrary(): void {
  const server = new Server({ "grpc.enable_channelz": 0 });
  const same = (bytes: Buffer): Buffer => bytes;
  const handle = (_call: unknown, done: sendUnaryData<Buffer>): void => done(null, answer);
  server.register(PATH, handle as never, same, same, "unary");
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    say(port);
  });
}

function byHand(): void {
  const frame = Buffer.alloc(HEADER_BYTES + answer.length);
  frame.writeUInt32BE(answer.length, 1);
  answer.copy(frame, HEADER_BYTES);
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("data", () => undefined);
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end(frame);
    });
  });
  server.listen(0, "127.0.0.1", () => say((server.address() as AddressInfo).port));
}

function byConnection(): void {
  const server = createTcpServer({ noDelay: true }, (socket) => {
    let missing = Number(asked);
    socket.on("data", (bytes) => {
      missing -= bytes.length;
      if (missing > 0) return;
      missing = Number(asked);
      socket.write(answer);
    });
  });
  server.listen(0, "127.0.0.1", () => say((server.address() as AddressInfo).port));
}

if (kind === "http2") byHand();
else if (kind === "tcp") byConnection();
else byLibrary();
