/**
 * ObjectStore: immutable files by key, on a directory or in a bucket.
 *
 * Contract, for every implementation (`conformance.ts` checks it):
 *  - an object is there whole or not at all, also across a crash; a resolved `put` is durable and read by everybody at once;
 *  - `ifAbsent` is a real compare: of two racers exactly one wins, the other gets `ObjectExists`;
 *  - a multipart upload is invisible until `complete`, which is as atomic as `put`; `abort` leaves nothing;
 *  - deleting what is not there succeeds; listing is ascending by UTF-8 bytes of the key.
 *
 * Keys are relative paths with `/`; `.`/`..` segments, empty segments and NUL are refused, and so is a first segment `.elanus`.
 * Where objects are files, no object may be a folder of another (`a` beside `a/b`); nobody should count on it elsewhere.
 */

export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  /** Changes whenever the object does. */
  readonly etag: string;
  readonly modifiedMilliseconds: number;
}

export interface MultipartUpload {
  /** Parts are numbered from 0 and may come in parallel and in any order; sending a number again replaces that part.
   * As with `put`, the body must stay as it is meanwhile. */
  uploadPart(number: number, body: Uint8Array): Promise<void>;
  complete(): Promise<ObjectInfo>;
  /** Idempotent. */
  abort(): Promise<void>;
}

export class ObjectExists extends Error {
  override readonly name = "ObjectExists";
}

export class ObjectNotFound extends Error {
  override readonly name = "ObjectNotFound";
}

/** The object is not the one that `ifMatch` named. */
export class ObjectChanged extends Error {
  override readonly name = "ObjectChanged";
}

export interface ObjectStore {
  /** The body must stay as it is until the call resolves: it may be large and is not copied. */
  put(
    key: string,
    body: Uint8Array | readonly Uint8Array[],
    options?: { readonly ifAbsent?: boolean; readonly ifMatch?: string },
  ): Promise<ObjectInfo>;
  /** The whole object, or `[start, end)` of it; a range past the end is cut. */
  get(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array>;
  head(key: string): Promise<ObjectInfo | null>;
  multipart(key: string): Promise<MultipartUpload>;
  list(prefix: string, options?: { readonly after?: string; readonly limit?: number }): Promise<ObjectInfo[]>;
  delete(keys: readonly string[]): Promise<void>;
  /** A path that the kernel may map, where objects are local files; null elsewhere. */
  localPath(key: string): string | null;
  close(): Promise<void>;
}
