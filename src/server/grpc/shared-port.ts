/**
 * One listening port for two protocols: reads the first bytes of a connection and hands it to HTTP/2 or to HTTP/1.1.
 *
 * Always true:
 *  - the bytes that were read are put back: whoever takes the connection sees it from its first byte;
 *  - at most 24 bytes, the length of HTTP/2's preface, are waited for, and no longer than `sniffMilliseconds`;
 *  - a connection that speaks neither is closed without an answer;
 *  - never more than `maximumConnections` are open; further ones are closed as soon as they are accepted.
 *
 * With TLS the same happens to the bytes inside.
 */

import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { type TlsOptions, createServer as createTlsServer } from "node:tls";
import { assert } from "../../base/assert.ts";
import type { Runtime, Timer } from "../../base/host/runtime.ts";

export interface SharedPortOptions {
  readonly onHttp2: (socket: Socket) => void;
  readonly onHttp1: (socket: Socket) => void;
  readonly maximumConnections: number;
  readonly sniffMilliseconds: number;
  readonly tls: TlsOptions | null;
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const HTTP1_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"].map((method) =>
  Buffer.from(`${method} `, "latin1"),
);

export type Protocol = "http2" | "http1" | "neither";

/** What a connection that starts with `bytes` speaks; null while that is still open. */
export function protocolOf(bytes: Buffer): Protocol | null {
  if (startsAlike(bytes, PREFACE)) return bytes.length >= PREFACE.length ? "http2" : null;
  const candidates = HTTP1_METHODS.filter((method) => startsAlike(bytes, method));
  if (candidates.length === 0) return "neither";
  return candidates.some((method) => bytes.length >= method.length) ? "http1" : null;
}

function startsAlike(left: Buffer, right: Buffer): boolean {
  const length = Math.min(left.length, right.length);
  return left.compare(right, 0, length, 0, length) === 0;
}

export class SharedPort {
  readonly #runtime: Runtime;
  readonly #options: SharedPortOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #empty = Promise.withResolvers<void>();
  #closed: Promise<void> | null = null;

  constructor(runtime: Runtime, options: SharedPortOptions) {
    this.#runtime = runtime;
    this.#options = options;
    const accept = (socket: Socket): void => this.#sniff(socket);
    if (options.tls === null) {
      this.#server = createServer({ noDelay: true }, accept);
    } else {
      const secure = createTlsServer({ ALPNProtocols: ["h2", "http/1.1"], noDelay: true, ...options.tls }, accept);
      secure.on("tlsClientError", (_error, socket) => socket.destroy());
      this.#server = secure;
    }
    this.#server.maxConnections = options.maximumConnections;
    // Every raw socket, also those that are still in a TLS handshake.
    this.#server.prependListener("connection", (socket: Socket) => this.#track(socket));
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Port 0 takes a free one; resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        // What `accept` cannot do now (too many open files) must not end the process.
        this.#server.on("error", () => {});
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Accepts nothing more; resolves when the last connection is gone. */
  stop(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }

  async #stop(): Promise<void> {
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    // The server counts a connection off before its socket has told its own listeners.
    if (this.#sockets.size > 0) await this.#empty.promise;
  }

  destroyAll(): void {
    assert(this.#closed !== null, "a port is stopped before its connections are cut");
    for (const socket of this.#sockets) socket.destroy();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#closed !== null && this.#sockets.size === 0) this.#empty.resolve();
    });
    socket.on("error", () => socket.destroy());
  }

  #sniff(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const timer: Timer = this.#runtime.after(this.#options.sniffMilliseconds, () => socket.destroy());
    const finish = (): void => {
      timer.cancel();
      socket.off("readable", read);
      socket.off("end", giveUp);
    };
    const giveUp = (): void => {
      finish();
      socket.destroy();
    };
    const read = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const protocol = protocolOf(seen);
      if (protocol === null) return;
      if (protocol === "neither") return giveUp();
      finish();
      socket.unshift(seen);
      if (protocol === "http2") this.#options.onHttp2(socket);
      else this.#options.onHttp1(socket);
    };
    socket.on("error", () => socket.destroy());
    socket.once("close", finish);
    socket.on("readable", read);
    socket.once("end", giveUp);
  }
}
