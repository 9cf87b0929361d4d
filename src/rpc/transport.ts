/**
 * How roles speak to each other: named services of asynchronous methods, one request and one response each.
 *
 * Contract, for every implementation (`conformance.ts` checks it):
 *  - a call ends with the method's response, with its error under the same code and text, or with one of the transport's own: nobody
 *    serves the name (retriable), the deadline has passed, the caller gave up;
 *  - cancellation and deadline reach the method through `call.signal`;
 *  - caller and method never share mutable state: what is sent must not be changed afterwards, by either side.
 */

/** The signal of those who never give up. */
export const NEVER: AbortSignal = new AbortController().signal;

export interface Call {
  readonly signal: AbortSignal;
}

export interface CallOptions {
  readonly timeoutMilliseconds?: number;
  readonly signal?: AbortSignal;
}

/** A service as its server implements it. */
export type Implementation<S> = {
  readonly [M in keyof S]: S[M] extends (request: infer Q) => Promise<infer R>
    ? (request: Q, call: Call) => Promise<R>
    : never;
};

/** A service as its callers see it. */
export type Client<S> = {
  readonly [M in keyof S]: S[M] extends (request: infer Q) => Promise<infer R>
    ? (request: Q, options?: CallOptions) => Promise<R>
    : never;
};

export interface Transport {
  /** Offers a service under a name; returns what ends it. A name is served once at a time. */
  serve<S extends object>(name: string, implementation: Implementation<S>): () => void;
  /** A client for the name, whether or not somebody serves it yet. */
  client<S extends object>(name: string): Client<S>;
}
