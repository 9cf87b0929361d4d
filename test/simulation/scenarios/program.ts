/**
 * Random programs of one client, as a user writes them, against a model: everything that the client can do to rows, with flushes,
 * compactions, restarts and crashes in between, read at the end as of moments all over its life.
 */

import { Elanus } from "../../../src/client/elanus.ts";
import type { Link } from "../../../src/client/elanus.ts";
import type { UpsertOptions } from "../../../src/client/writes.ts";
import { HANDLERS } from "../../../src/client/handlers.ts";
import { MilvusError } from "../../../src/base/errors.ts";
import { type Timestamp, physicalMilliseconds } from "../../../src/base/timestamp.ts";
import { BOOKS, type Book, Books, checkBooks, nearestBooks, sameBooks } from "../books.ts";
import type { Cluster } from "../cluster.ts";
import { ProcessDied } from "../lifeline.ts";
import { WrongAnswer } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";

const STEPS = 60;
const READS_OF_THE_PAST = 20;
const KEYS = 40;
const PLACES = 6;
const LIMIT = 16_384;
const NAME = BOOKS.name;
const RETENTION_MILLISECONDS = 8_000;
const LONGEST_PAUSE_MILLISECONDS = 700;

export const program: Scenario = {
  name: "P",
  about: "random programs of one client agree with a model, read as of 20 random moments",
  // One physical channel, as one process has: a write over shards is all or nothing there.
  options: { limits: { channelCount: 1, retentionMilliseconds: RETENTION_MILLISECONDS } },
  async run(workload, cluster) {
    await workload.setUp();
    await new Program(workload, cluster).run();
  },
};

class Program {
  readonly #workload: Workload;
  readonly #cluster: Cluster;
  readonly #books = new Books();
  #db: Elanus;

  constructor(workload: Workload, cluster: Cluster) {
    this.#workload = workload;
    this.#cluster = cluster;
    this.#db = this.#client(0n);
  }

  async run(): Promise<void> {
    const { world } = this.#cluster;
    await this.#db.createCollection(BOOKS);
    this.#books.became(new Map(), await this.#workload.now());
    for (let step = 0; step < STEPS; step += 1) {
      if (this.#draw(3) === 0) await world.sleep(world.random() * LONGEST_PAUSE_MILLISECONDS);
      this.#workload.operations += 1;
      await this.#step();
    }
    await this.#readNow();
    for (let read = 0; read < READS_OF_THE_PAST; read += 1) await this.#readThen();
  }

  async #step(): Promise<void> {
    const dice = this.#cluster.world.random();
    if (dice < 0.2) return this.#write(this.#newBooks());
    if (dice < 0.35) return this.#write(this.#someBooks(true), "upsert");
    if (dice < 0.55) return this.#update();
    if (dice < 0.68) return this.#remove();
    if (dice < 0.76) return await this.#db.flush(NAME);
    if (dice < 0.82) return this.#compact();
    if (dice < 0.88) return this.#restart();
    if (dice < 0.94) return this.#readNow();
    return this.#readThen();
  }

  #draw(count: number): number {
    return Math.floor(this.#cluster.world.random() * count);
  }

  #newBooks(): Book[] {
    return this.#someBooks(false).filter(({ id }) => !this.#books.shelf.has(id));
  }

  /** Different keys. */
  #someBooks(oftenKnown: boolean): Book[] {
    const known = [...this.#books.shelf.keys()];
    const keys = Array.from({ length: 1 + this.#draw(6) }, () =>
      oftenKnown && known.length > 0 && this.#draw(4) > 0 ? known[this.#draw(known.length)]! : this.#draw(KEYS),
    );
    return [...new Set(keys)].map((id) => this.#book(id));
  }

  #book(id: number): Book {
    return {
      id,
      place: this.#place(),
      year: this.#draw(4) === 0 ? null : 1900 + this.#draw(200),
      title: `title ${this.#draw(1000)} ${"ü".repeat(this.#draw(5))}`,
      tags: this.#draw(5) === 0 ? null : this.#tags(),
      facts: this.#draw(5) === 0 ? null : { pages: this.#draw(500), where: { shelf: `s${this.#draw(9)}` } },
      ...(this.#draw(3) === 0 ? { loose: this.#draw(100) } : {}),
      ...(this.#draw(3) === 0 ? { other: `other ${this.#draw(100)}` } : {}),
    };
  }

  #place(): number[] {
    return [this.#draw(PLACES), this.#draw(PLACES)];
  }

  #tags(): number[] {
    return Array.from({ length: this.#draw(3) }, () => this.#draw(5));
  }

  async #write(books: readonly Book[], how: "insert" | "upsert" = "insert"): Promise<void> {
    if (books.length === 0) return;
    const shelf = new Map(this.#books.shelf);
    for (const book of books) shelf.set(book.id, book);
    await this.#change(shelf, async () => (await this.#db[how](NAME, books)).timestamp);
  }

  /** Some fields of rows that are there, arrays perhaps by what is added to them, the dynamic field merged. */
  async #update(): Promise<void> {
    const known = [...this.#books.shelf.keys()];
    if (known.length === 0) return;
    const ids = [...new Set(Array.from({ length: 1 + this.#draw(4) }, () => known[this.#draw(known.length)]!))];
    const fields = ["place", "year", "title", "facts", "loose"].filter(() => this.#draw(3) === 0);
    const tags = (["none", "replace", "append", "remove"] as const)[this.#draw(4)]!;
    if (fields.length === 0 && tags === "none") return;
    const shelf = new Map(this.#books.shelf);
    const rows = ids.map((id) => {
      const fresh: Record<string, unknown> = { loose: this.#draw(100), ...this.#book(id) };
      const row: Record<string, unknown> = { id, ...Object.fromEntries(fields.map((name) => [name, fresh[name]])) };
      const book = shelf.get(id)!;
      const given = this.#tags();
      if (tags !== "none") row["tags"] = given;
      const result = { ...book, ...row };
      // No array is one without elements when something is appended, and stays none when something is removed.
      if (tags === "append") result["tags"] = [...(book.tags ?? []), ...given];
      if (tags === "remove") result["tags"] = book.tags?.filter((tag) => !given.includes(tag)) ?? null;
      shelf.set(id, result as Book);
      return row;
    });
    const isTooLong = ids.some((id) => (shelf.get(id)!.tags?.length ?? 0) > 8);
    const arrayOperations: UpsertOptions["arrayOperations"] = tags === "append" || tags === "remove" ? { tags } : {};
    const update = async (): Promise<Timestamp> =>
      (await this.#db.upsert(NAME, rows, { partial: true, arrayOperations })).timestamp;
    if (!isTooLong) return this.#change(shelf, update);
    await update().then(
      () => {
        throw new WrongAnswer("an array grew beyond its capacity");
      },
      (error: unknown) => {
        if (!/exceeds max_capacity/.test(String(error))) throw error;
      },
    );
  }

  async #remove(): Promise<void> {
    const shelf = new Map(this.#books.shelf);
    if (this.#draw(2) === 0) {
      const ids = [...new Set(Array.from({ length: 1 + this.#draw(4) }, () => this.#draw(KEYS)))];
      for (const id of ids) shelf.delete(id);
      return this.#change(shelf, async () => (await this.#db.delete(NAME, { ids })).timestamp);
    }
    const [kind, bound] = [this.#draw(3), 1900 + this.#draw(200)];
    const [filter, isMeant] = [
      [`year < ${bound} and id % 3 == 0`, ({ id, year }: Book) => year !== null && year < bound && id % 3 === 0],
      ["array_contains(tags, 3)", ({ tags }: Book) => tags !== null && tags.includes(3)],
      ['facts["pages"] > 350', ({ facts }: Book) => facts !== null && (facts as { pages: number }).pages > 350],
    ][kind] as [string, (book: Book) => boolean];
    for (const book of this.#books.shelf.values()) if (isMeant(book)) shelf.delete(book.id);
    await this.#change(shelf, async () => (await this.#db.delete(NAME, { filter })).timestamp);
  }

  /** What brings the rows to `shelf`; now and then the process dies meanwhile. */
  async #change(shelf: Books["shelf"], write: () => Promise<Timestamp | null>): Promise<void> {
    const { world } = this.#cluster;
    if (this.#draw(8) > 0) {
      const timestamp = await write();
      // A delete that found nothing did nothing.
      if (timestamp !== null && timestamp > 0n) this.#books.became(shelf, timestamp);
      return;
    }
    const before = await this.#workload.now();
    const writing = write().then(
      (timestamp) => ({ timestamp }),
      (error: unknown) => {
        if (!(error instanceof ProcessDied)) throw error;
        return null;
      },
    );
    await world.sleep(world.random() * 8);
    this.#cluster.crash();
    await this.#recover();
    const outcome = await writing;
    if (outcome !== null) {
      if (outcome.timestamp !== null && outcome.timestamp > 0n) this.#books.became(shelf, outcome.timestamp);
      return this.#readNow();
    }
    const found = await this.#db.query(NAME, { filter: "", limit: LIMIT });
    const now = await this.#workload.now();
    if (sameBooks(found, shelf)) this.#books.became(shelf, now, before);
    else this.#books.became(this.#books.shelf, now, before);
    checkBooks(found, this.#books.shelf, "after a death, all of a write or nothing of it");
  }

  async #compact(): Promise<void> {
    const { proxy } = this.#cluster.engine;
    const { compactionId } = await proxy.compact({ databaseName: "", collectionName: NAME });
    if (this.#draw(2) === 0) await this.#workload.untilCompacted(compactionId);
  }

  async #restart(): Promise<void> {
    if (this.#draw(2) === 0) this.#cluster.crash();
    else await this.#cluster.stop();
    await this.#recover();
    await this.#readNow();
  }

  async #recover(): Promise<void> {
    await this.#workload.restart();
    this.#db = this.#client(await this.#workload.now());
    await this.#workload.eventually("the books are loaded again", async () => {
      return (await this.#cluster.engine.proxy.loadProgress({ databaseName: "", collectionName: NAME }, [])) === 100;
    });
  }

  async #readNow(): Promise<void> {
    const { shelf } = this.#books;
    checkBooks(await this.#db.query(NAME, { filter: "", limit: LIMIT }), shelf, "now");
    const count = await this.#db.count(NAME);
    if (count !== shelf.size) throw new WrongAnswer(`count(*) is ${count} of ${shelf.size} rows`);
    await this.#search(null);
  }

  async #readThen(): Promise<void> {
    const { world } = this.#cluster;
    const now = await this.#workload.now();
    const { first } = this.#books;
    const span = Number(now - first);
    const asOf = first + BigInt(Math.floor(world.random() * span));
    const shelf = this.#books.at(asOf);
    if (shelf === null) return;
    try {
      checkBooks(await this.#db.query(NAME, { filter: "", limit: LIMIT, asOf }), shelf, `as of ${asOf}`);
      const count = await this.#db.count(NAME, { asOf });
      if (count !== shelf.size) throw new WrongAnswer(`as of ${asOf} count(*) is ${count} of ${shelf.size} rows`);
      await this.#search(asOf);
    } catch (error) {
      // Only what is older than what is kept may be gone.
      if (!(error instanceof MilvusError) || !/rows deleted or expired before/.test(error.message)) throw error;
      const age = physicalMilliseconds(await this.#workload.now()) - physicalMilliseconds(asOf);
      if (age < RETENTION_MILLISECONDS) throw error;
      this.#workload.tooOld += 1;
    }
  }

  async #search(asOf: Timestamp | null): Promise<void> {
    const shelf = asOf === null ? this.#books.shelf : this.#books.at(asOf)!;
    const vector = this.#place();
    const limit = 1 + this.#draw(8);
    const hits = await this.#db.search(NAME, { vector, limit, ...(asOf === null ? {} : { asOf }) });
    const found = hits.map(({ id }) => id).join();
    const expected = nearestBooks(shelf, vector, limit).join();
    if (found !== expected) throw new WrongAnswer(`the nearest at ${asOf ?? "now"} are ${expected}, found ${found}`);
  }

  /** A client of the process that runs now. */
  #client(openedAt: Timestamp): Elanus {
    const cluster = this.#cluster;
    const link: Link = {
      call: (name, argument, options = {}) => {
        const signal = options.signal ?? new AbortController().signal;
        return cluster.ask(({ engine }) => HANDLERS[name](engine, argument, signal));
      },
      close: () => Promise.resolve(),
    };
    return new Elanus(link, openedAt);
  }
}
