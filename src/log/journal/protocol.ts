/**
 * What the journal and its writer thread say to each other, and the writer's side of it.
 *
 * Bodies travel in packs: the journal copies a record once, into a buffer of its own behind space for the record's header, and gives the
 * whole buffer away (a transfer, no structured clone). Transfer was chosen over a ring of shared memory because nothing stays allocated
 * while the log is idle, a record of any size takes the same way, and the thread may write into the buffer (positions, checksums).
 *
 * Group commit: the thread takes every message that has arrived, writes and syncs once, answers once. What arrives meanwhile is the
 * next batch; nobody waits for a clock.
 */

import { LogCorrupted } from "../log.ts";
import { FailedSync } from "./careful-files.ts";
import type { ChannelState } from "./format.ts";
import type { RecoveredFile } from "./recover.ts";
import type { BegunFile, JournalWriter } from "./writer.ts";

export type ToWriter =
  | {
      readonly kind: "pack";
      readonly id: number;
      readonly buffer: ArrayBuffer;
      readonly used: number;
      readonly records: number;
    }
  | { readonly kind: "remove"; readonly id: number; readonly sequences: readonly number[] }
  | { readonly kind: "close" };

export interface WrittenPack {
  readonly id: number;
  /** Comes back to be used again. */
  readonly buffer: ArrayBuffer;
  readonly positions: Float64Array<ArrayBuffer>;
}

export type FromWriter =
  | {
      readonly kind: "ready";
      readonly channels: readonly ChannelState[];
      readonly files: readonly RecoveredFile[];
      readonly end: number;
    }
  | { readonly kind: "refused"; readonly corrupted: boolean; readonly text: string }
  | {
      readonly kind: "written";
      readonly packs: readonly WrittenPack[];
      readonly begun: readonly BegunFile[];
      readonly durableTo: number;
      readonly failure: { readonly text: string; readonly wiped: boolean } | null;
    }
  | { readonly kind: "removed"; readonly id: number; readonly failure: string | null }
  /** The thread writes nothing more: a sync failed, or it met a bug. */
  | { readonly kind: "fatal"; readonly text: string }
  | { readonly kind: "closed" };

/** The journal's end of the link to its writer. */
export interface WriterLink {
  send(message: ToWriter, transfer: ArrayBuffer[]): void;
  /** While busy the writer keeps the process alive. */
  setBusy(busy: boolean): void;
  end(): Promise<void>;
}

export type StartWriter = (receive: (message: FromWriter) => void) => WriterLink;

export type Answer = (message: FromWriter, transfer: ArrayBuffer[]) => void;

export function openWriter(writer: JournalWriter, answer: Answer): boolean {
  try {
    const { channels, files, end } = writer.open();
    answer({ kind: "ready", channels: [...channels.values()], files, end }, []);
    return true;
  } catch (failure) {
    const text = failure instanceof Error ? failure.message : String(failure);
    if (failure instanceof FailedSync) answer({ kind: "fatal", text }, []);
    else answer({ kind: "refused", corrupted: failure instanceof LogCorrupted, text }, []);
    return false;
  }
}

/** Serves everything that has arrived. False when the thread's work is over. */
export function serveWriter(writer: JournalWriter, messages: readonly ToWriter[], answer: Answer): boolean {
  try {
    const packs = messages.filter((message) => message.kind === "pack");
    if (packs.length > 0) {
      const outcome = writer.write(
        packs.map(({ buffer, used, records }) => ({ bytes: new Uint8Array(buffer, 0, used), records })),
      );
      const written = packs.map(({ id, buffer }, index) => ({
        id,
        buffer,
        positions: outcome.positions[index] as Float64Array<ArrayBuffer>,
      }));
      const { begun, durableTo, failure } = outcome;
      answer(
        { kind: "written", packs: written, begun, durableTo, failure },
        written.flatMap(({ buffer, positions }) => [buffer, positions.buffer]),
      );
      writer.prepareAhead();
    }
    for (const message of messages) {
      if (message.kind === "remove")
        answer({ kind: "removed", id: message.id, failure: remove(writer, message.sequences) }, []);
    }
    if (!messages.some((message) => message.kind === "close")) return true;
    writer.close();
    answer({ kind: "closed" }, []);
  } catch (failure) {
    answer(
      { kind: "fatal", text: failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure) },
      [],
    );
  }
  return false;
}

function remove(writer: JournalWriter, sequences: readonly number[]): string | null {
  try {
    writer.remove(sequences);
    return null;
  } catch (failure) {
    if (failure instanceof FailedSync) throw failure;
    return String(failure);
  }
}
