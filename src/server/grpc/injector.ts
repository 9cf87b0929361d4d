/**
 * Everything that reaches inside grpc-js: five things that its public interface cannot do, for connections that are accepted
 * elsewhere and handed in.
 *
 *  - Its servers advertise HTTP/2's default receive window of 64 KiB, which caps an upload at one window a round trip: a few
 *    megabytes a second at 10 ms. Only clients have an option for it. So the settings of the server that is created for the
 *    injector are changed before it is created, and the window of a connection when its session starts.
 *  - Its decoder joins the frames of a message when the last one is there; `MessageAssembler` takes its place in each call.
 *  - It copies an answer into a frame of its own: 30 MB into memory that was never touched hold up the event loop for 15 to 90 ms. An
 *    answer in pieces goes to the stream as it is.
 *  - It ends a unary call when the socket has taken the answer, a turn of the event loop later. Here the status follows at once, and what the
 *    stream has not sent yet goes before it as ever.
 *  - A `grpc-timeout` beyond 2^31 - 1 ms wraps around and ends the call at once. Such a header is taken away: no deadline.
 *
 * A test measures what is advertised, so that an upgrade which renames these fields cannot pass unnoticed.
 */

import type { ConnectionInjector, Server, ServerCredentials, ServerInterceptor } from "@grpc/grpc-js";
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, Settings } from "node:http2";
import { assert, present } from "../../base/assert.ts";
import { MessageAssembler } from "./message-assembler.ts";

interface Insides {
  readonly commonServerOptions: { settings?: Settings };
  readonly http2Servers: ReadonlyMap<Http2Server, unknown>;
}

/** `windowBytes`: what a peer may send ahead, for each stream and for the whole connection. */
export function createInjector(
  server: Server,
  credentials: ServerCredentials,
  windowBytes: number,
): ConnectionInjector {
  const insides = server as unknown as Insides;
  assert(typeof insides.commonServerOptions === "object", "grpc-js keeps its options where they were");
  assert(insides.http2Servers instanceof Map, "grpc-js keeps its servers where they were");
  insides.commonServerOptions.settings = { ...insides.commonServerOptions.settings, initialWindowSize: windowBytes };
  const before = new Set(insides.http2Servers.keys());
  const injector = server.createConnectionInjector(credentials);
  const created = [...insides.http2Servers.keys()].find((candidate) => !before.has(candidate));
  const http2Server = present(created, "the HTTP/2 server behind the injector");
  http2Server.prependListener("session", (session: ServerHttp2Session) => session.setLocalWindowSize(windowBytes));
  http2Server.prependListener("stream", (_stream: unknown, headers: IncomingHttpHeaders) => dropLongTimeout(headers));
  return injector;
}

interface CallInsides {
  decoder: { write(data: Buffer): Buffer[] };
  readonly maxReceiveMessageSize: number;
  readonly maxSendMessageSize: number;
  serializeMessage(answer: unknown): Buffer;
  sendMessage(answer: unknown, sent: () => void): void;
  maybeSendMetadata(): void;
  readonly stream: { write(piece: Uint8Array): boolean };
}

/** An interceptor; it must be the first, which is given the call that reads frames. */
export const moveMessages: ServerInterceptor = (method, call) => {
  const insides = call as unknown as CallInsides;
  assert(typeof insides.decoder?.write === "function", "grpc-js keeps a call's decoder where it was");
  assert(typeof insides.maxReceiveMessageSize === "number", "grpc-js keeps a call's limit where it was");
  assert(typeof insides.serializeMessage === "function", "grpc-js frames a call's answers where it did");
  assert(typeof insides.sendMessage === "function", "grpc-js sends a call's answers where it did");
  assert(typeof insides.maybeSendMetadata === "function", "grpc-js sends a call's metadata where it did");
  insides.decoder = new MessageAssembler(insides.maxReceiveMessageSize);
  insides.serializeMessage = framing(insides);
  if (!method.responseStream) insides.sendMessage = sendingAtOnce(insides);
  return call as ReturnType<ServerInterceptor>;
};

/** Of a unary call. An answer that cannot be sent has ended the call with another status by then, and only the first counts. */
function sendingAtOnce(insides: CallInsides): CallInsides["sendMessage"] {
  const send = insides.sendMessage.bind(insides);
  return (answer, sent) => {
    send(answer, () => undefined);
    sent();
  };
}

/** From this size on a copy costs more than the writes that it saves. */
const IN_PIECES_BYTES = 128 * 1024;

/**
 * What grpc-js calls right before it writes what comes back. Of a large answer in pieces all but the last is written here. One that
 * is larger than may be sent is framed as before, for grpc-js to refuse.
 */
function framing(insides: CallInsides): (answer: unknown) => Buffer {
  const frame = insides.serializeMessage.bind(insides);
  return (answer) => {
    if (!Array.isArray(answer)) return frame(answer);
    const pieces = answer as readonly Uint8Array[];
    const byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    const limit = insides.maxSendMessageSize;
    if (byteLength < IN_PIECES_BYTES || (limit !== -1 && byteLength > limit)) return frame(answer);
    insides.maybeSendMetadata();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(byteLength, 1);
    insides.stream.write(head);
    for (const piece of pieces.slice(0, -1)) insides.stream.write(piece);
    const last = pieces.at(-1)!;
    return Buffer.from(last.buffer, last.byteOffset, last.byteLength);
  };
}

const UNIT_MILLISECONDS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 1e-6,
};

export function dropLongTimeout(headers: IncomingHttpHeaders): void {
  const timeout = headers["grpc-timeout"];
  if (typeof timeout !== "string") return;
  const milliseconds = Number(timeout.slice(0, -1)) * (UNIT_MILLISECONDS[timeout.slice(-1)] ?? 0);
  if (milliseconds > 0x7fff_ffff) delete headers["grpc-timeout"];
}
