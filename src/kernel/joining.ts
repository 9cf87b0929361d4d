/**
 * Small searches that ask for the same at the same time are made one search of several queries.
 *
 * A search that nobody is ahead of begins at once: so do the first `atOnce` of those that are alike. Further ones wait until one of them has
 * ended, and then begin together. One scan of the rows serves them all, and walks through a graph take turns.
 *
 *     running   a   b   c                 atOnce = 3
 *     waiting   d   e   f   g    --- a ends --->   running   b   c   (d e f g)
 *
 * Always true:
 *  - alike are searches that differ in their queries only; those that are not alike never wait for each other;
 *  - in a line the first to come is the first to begin; at most `MOST_QUERIES` begin together, and at most `MOST_WAITING` wait;
 *  - an answer is the one that the search would have had alone, since no score depends on other queries;
 *  - who waits is begun before the handle that it reads is closed (`begin`).
 *
 * Not here: what a search does (native), what alike means (its caller).
 */

import { assert, present } from "../base/assert.ts";
import type { Handle } from "./kernel.ts";

/** A search of more queries has work enough for all threads. */
const MOST_JOINED = 8;
/** Queries of one search that was joined. */
const MOST_QUERIES = 64;
/** As the pool of the kernel has it. Beyond, searches are begun, and it is the pool that refuses them. */
const MOST_WAITING = 16_384;

/** How searches of one kind are compared, put together and taken apart. */
export interface Joining<Search, Hits> {
  readonly atOnce: () => number;
  readonly handleOf: (search: Search) => Handle;
  readonly areAlike: (left: Search, right: Search) => boolean;
  readonly join: (searches: readonly Search[]) => Search;
  /** The answer of `queryCount` queries from `first` on, of `all` that there were. */
  readonly part: (hits: Hits, search: Search, first: number, queryCount: number, all: number) => Hits;
  readonly run: (search: Search, queryCount: number, signal: AbortSignal | undefined) => Promise<Hits>;
}

interface Waiting<Search, Hits> {
  readonly search: Search;
  readonly queryCount: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (hits: Hits) => void;
  readonly reject: (reason: unknown) => void;
}

interface Line<Search, Hits> {
  readonly search: Search;
  readonly waiting: Waiting<Search, Hits>[];
  running: number;
}

export class Joiner<Search, Hits> {
  readonly #joining: Joining<Search, Hits>;
  readonly #lines = new Map<Handle, Line<Search, Hits>[]>();
  #waiting = 0;

  constructor(joining: Joining<Search, Hits>) {
    this.#joining = joining;
  }

  /** The search has been checked. */
  async search(search: Search, queryCount: number, signal?: AbortSignal): Promise<Hits> {
    signal?.throwIfAborted();
    if (queryCount > MOST_JOINED || this.#waiting >= MOST_WAITING) return this.#joining.run(search, queryCount, signal);
    const line = this.#lineOf(search);
    if (line.running >= this.#joining.atOnce()) return this.#wait(line, search, queryCount, signal);
    line.running += 1;
    try {
      return await this.#joining.run(search, queryCount, signal);
    } finally {
      this.#ended(line);
    }
  }

  /** Whoever waits to read this handle begins now. */
  begin(handle: Handle): void {
    for (const line of this.#lines.get(handle)?.slice() ?? []) while (line.waiting.length > 0) this.#beginSome(line);
  }

  #lineOf(search: Search): Line<Search, Hits> {
    const handle = this.#joining.handleOf(search);
    const lines = this.#lines.get(handle) ?? [];
    if (lines.length === 0) this.#lines.set(handle, lines);
    let line = lines.find((known) => this.#joining.areAlike(known.search, search));
    if (line === undefined) {
      line = { search, waiting: [], running: 0 };
      lines.push(line);
    }
    return line;
  }

  #wait(line: Line<Search, Hits>, search: Search, queryCount: number, signal: AbortSignal | undefined): Promise<Hits> {
    return new Promise<Hits>((resolve, reject) => {
      const leave = (): void => {
        const place = line.waiting.indexOf(one);
        if (place < 0) return;
        line.waiting.splice(place, 1);
        this.#waiting -= 1;
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      const settled = (): void => signal?.removeEventListener("abort", leave);
      const one: Waiting<Search, Hits> = {
        search,
        queryCount,
        signal,
        resolve: (hits) => {
          settled();
          resolve(hits);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      line.waiting.push(one);
      this.#waiting += 1;
    });
  }

  #ended(line: Line<Search, Hits>): void {
    line.running -= 1;
    assert(line.running >= 0, "what has ended had begun");
    if (line.waiting.length > 0) return this.#beginSome(line);
    if (line.running > 0) return;
    const handle = this.#joining.handleOf(line.search);
    const lines = present(this.#lines.get(handle), "the lines of a handle that is searched");
    lines.splice(lines.indexOf(line), 1);
    if (lines.length === 0) this.#lines.delete(handle);
  }

  #beginSome(line: Line<Search, Hits>): void {
    let [count, queryCount] = [0, 0];
    for (; count < line.waiting.length; count += 1) {
      const more = queryCount + line.waiting[count]!.queryCount;
      if (count > 0 && more > MOST_QUERIES) break;
      queryCount = more;
    }
    const members = line.waiting.splice(0, count);
    this.#waiting -= count;
    line.running += 1;
    void this.#answer(members, queryCount).finally(() => this.#ended(line));
  }

  /** Never rejects. A member that is aborted is let go at once; the search itself is stopped with the last of them. */
  async #answer(members: readonly Waiting<Search, Hits>[], queryCount: number): Promise<void> {
    const { join, part, run } = this.#joining;
    const everybody = new AbortController();
    const gone = new Set<Waiting<Search, Hits>>();
    const leaving = members.map((member) => () => {
      gone.add(member);
      if (gone.size === members.length) everybody.abort(member.signal?.reason);
      else member.reject(member.signal?.reason);
    });
    members.forEach(({ signal }, at) => signal?.addEventListener("abort", leaving[at]!, { once: true }));
    try {
      const search = members.length === 1 ? members[0]!.search : join(members.map((member) => member.search));
      const hits = await run(search, queryCount, everybody.signal);
      let first = 0;
      for (const member of members) {
        member.resolve(part(hits, search, first, member.queryCount, queryCount));
        first += member.queryCount;
      }
    } catch (error) {
      for (const member of members) member.reject(gone.has(member) ? member.signal?.reason : error);
    } finally {
      members.forEach(({ signal }, at) => signal?.removeEventListener("abort", leaving[at]!));
    }
  }
}
