/**
 * The engine's thread: opens the directory, then answers calls until it is told to close.
 *
 * Always true:
 *  - the first message is `ready` or `refused`; every call after it gets one answer;
 *  - what is sent away is a copy: a column of an answer may be one that the engine still reads;
 *  - when the journal can no longer promise durability this thread ends, and with it every open call; the user's process goes on.
 */

import { parentPort, workerData } from "node:worker_threads";
import { present } from "../base/assert.ts";
import { Engine } from "../engine/engine.ts";
import type { KeyColumn } from "../model/columns.ts";
import type { OutputField } from "../proxy/requests.ts";
import { copiedColumn } from "./copied-column.ts";
import type { Answer, Argument, CallName, FromWorker, ToWorker, WorkerSettings } from "./calls.ts";
import { failureOf } from "./calls.ts";
import { HANDLERS } from "./handlers.ts";

const port = present(parentPort, "the port of the engine's thread");
const { directory, limits, wantsLog } = workerData as WorkerSettings;
const running = new Map<number, AbortController>();

const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

function onFatal(failure: Error): void {
  send({ kind: "fatal", text: failure.message });
  // In a worker this ends the thread and not the process.
  process.exit(1);
}

async function serve(engine: Engine, id: number, name: CallName, argument: Argument<CallName>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const start = engine.runtime.monotonic();
  const elapsed = (): number => engine.runtime.monotonic() - start;
  try {
    const handler = HANDLERS[name] as Handler;
    const value = await handler(engine, argument, controller.signal);
    const transfer: ArrayBuffer[] = [];
    send({ kind: "answer", id, value: movable(value, transfer), milliseconds: elapsed() }, transfer);
  } catch (error) {
    send({ kind: "failed", id, failure: failureOf(error), milliseconds: elapsed() });
  } finally {
    running.delete(id);
  }
}

type Handler = (engine: Engine, argument: Argument<CallName>, signal: AbortSignal) => Promise<Answer<CallName>>;

/** The answer with columns of its own, whose buffers are moved and not cloned once more. */
function movable(value: Answer<CallName>, transfer: ArrayBuffer[]): Answer<CallName> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const answer = value as Exclude<typeof value, readonly string[]>;
  const keys = "keys" in answer ? { keys: copiedColumn<KeyColumn>(answer.keys, transfer) } : {};
  if (!("fields" in answer)) return { ...answer, ...keys };
  return { ...answer, ...keys, fields: answer.fields.map((field) => movableField(field, transfer)) };
}

function movableField(field: OutputField, transfer: ArrayBuffer[]): OutputField {
  const { subFields } = field;
  if (subFields === undefined) return { ...field, column: copiedColumn(field.column, transfer) };
  const parts = subFields.map((part) => movableField(part, transfer));
  return { ...field, column: parts[0]!.column, subFields: parts };
}

async function close(engine: Engine): Promise<void> {
  try {
    await engine.close();
    send({ kind: "closed", failure: null });
  } catch (error) {
    send({ kind: "closed", failure: failureOf(error) });
  }
  port.close();
}

try {
  const engine = await Engine.open({
    directory,
    limits,
    onFatal,
    ...(wantsLog ? { log: (line: string) => send({ kind: "log", line }) } : {}),
  });
  port.on("message", (message: ToWorker) => {
    if (message.kind === "call") void serve(engine, message.id, message.name, message.argument);
    else if (message.kind === "abort") running.get(message.id)?.abort();
    else void close(engine);
  });
  send({ kind: "ready", timestamp: await engine.proxy.allocateTimestamp(), changes: engine.changes.shared });
} catch (error) {
  send({ kind: "refused", failure: failureOf(error) });
  port.close();
}
