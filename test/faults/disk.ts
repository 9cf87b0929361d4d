/**
 * A disk that is full when the test says so: behind the journal's files and before each step of the object store.
 *
 * Always true: what was written before stays readable; only writes fail, with the code of the operating system.
 */

import { join } from "node:path";
import type { Runtime } from "../../src/base/host/runtime.ts";
import { SystemRuntime } from "../../src/base/host/system.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineLimits } from "../../src/engine/limits.ts";
import { loadKernel } from "../../src/kernel/load.ts";
import { type JournalFiles, nodeFiles } from "../../src/log/journal/files.ts";
import { Journal } from "../../src/log/journal/journal.ts";
import {
  type FromWriter,
  type StartWriter,
  type ToWriter,
  openWriter,
  serveWriter,
} from "../../src/log/journal/protocol.ts";
import { JournalWriter } from "../../src/log/journal/writer.ts";
import { SqliteMetaStore } from "../../src/metastore/sqlite.ts";
import { DirectoryObjectStore } from "../../src/objectstore/directory.ts";
import { InProcessTransport } from "../../src/rpc/in-process.ts";

export class Disk {
  journalIsFull = false;
  objectsAreFull = false;
  /** Of the journal's syncs; null: they work. */
  syncFailure: string | null = null;
  /** Writes to objects that were refused. */
  refusals = 0;

  get journalFiles(): JournalFiles {
    return {
      ...nodeFiles,
      write: (file, parts, position) => {
        // What a file has already it can write over; only growing takes room.
        const end = parts.reduce((sum, part) => sum + part.byteLength, position);
        if (this.journalIsFull && end > nodeFiles.size(file)) throw systemError("ENOSPC");
        return nodeFiles.write(file, parts, position);
      },
      sync: (file) => {
        if (this.syncFailure !== null) throw systemError(this.syncFailure);
        nodeFiles.sync(file);
      },
    };
  }

  beforeStep(step: string): void {
    if (step !== "write" || !this.objectsAreFull) return;
    this.refusals += 1;
    throw systemError("ENOSPC");
  }
}

export interface DiskEngineOptions {
  readonly limits?: Partial<EngineLimits>;
  readonly log?: (line: string) => void;
  readonly onFatal?: (failure: Error) => void;
  readonly journalFileBytes?: number;
  readonly runtime?: Runtime;
}

/** An engine over a directory as `Engine.open` makes it, except that its disk may be full. */
export async function openOnDisk(directory: string, disk: Disk, options: DiskEngineOptions = {}): Promise<Engine> {
  const runtime = options.runtime ?? new SystemRuntime();
  const store = await SqliteMetaStore.open(join(directory, "meta.db"), runtime);
  const objects = await DirectoryObjectStore.open(join(directory, "objects"), runtime, {
    beforeStep: (step) => disk.beforeStep(step),
  });
  const fileBytes = options.journalFileBytes ?? 4 * 1024 * 1024;
  const logBackend = await Journal.open(join(directory, "wal"), {
    runtime,
    startWriter: besideJournal(join(directory, "wal"), disk.journalFiles, fileBytes),
    ...(options.onFatal === undefined ? {} : { onFatal: options.onFatal }),
  });
  const adapters = {
    store,
    objects,
    logBackend,
    kernel: loadKernel({ runtime }),
    transport: new InProcessTransport(runtime),
    runtime,
  };
  return Engine.assemble(adapters, options, () => undefined);
}

/** The journal's writer in this thread; messages still travel asynchronously. */
function besideJournal(directory: string, files: JournalFiles, fileBytes: number): StartWriter {
  return (receive) => {
    const writer = new JournalWriter(files, directory, { fileBytes, stepBytes: 8192, reserveBytes: 1024 });
    const answer = (message: FromWriter): void => void setImmediate(() => receive(message));
    let queue: ToWriter[] = [];
    let isAlive = openWriter(writer, answer);
    return {
      send(message) {
        queue.push(message);
        if (queue.length > 1) return;
        setImmediate(() => {
          const messages = queue;
          queue = [];
          if (isAlive) isAlive = serveWriter(writer, messages, answer);
        });
      },
      setBusy: () => {},
      end: async () => {},
    };
  };
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
