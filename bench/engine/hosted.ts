/** A server in a child process that can be asked how its event loop fares (`host.ts` is the child). */

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { LoopDelay } from "../measure.ts";

export type HostQuestion = "watch" | "tell" | "stop";

export type HostAnswer =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "watching" }
  | {
      readonly kind: "told";
      readonly delay: LoopDelay;
      readonly processorSeconds: number;
      readonly mainThreadSeconds: number;
    };

type Told = Extract<HostAnswer, { kind: "told" }>;

export interface HostedServer {
  readonly port: number;
  readonly pid: number;
  /** Watches the loop and the clock of the processor while `action` runs. */
  watched(action: () => Promise<unknown>): Promise<Told>;
  stop(): Promise<void>;
}

export async function hostServer(directory: string, nodeOptions: readonly string[] = []): Promise<HostedServer> {
  const child = fork(join(import.meta.dirname, "host.ts"), [directory], {
    execArgv: ["--disable-warning=ExperimentalWarning", ...nodeOptions],
  });
  const ended = once(child, "exit");
  const next = async (): Promise<HostAnswer> => {
    const [message] = (await Promise.race([once(child, "message"), ended.then(() => [null])])) as [HostAnswer | null];
    if (message === null) throw new Error("the server's process ended");
    return message;
  };
  const ask = (question: HostQuestion): Promise<HostAnswer> => {
    const answer = next();
    child.send(question);
    return answer;
  };
  const first = await next();
  if (first.kind !== "listening") throw new Error("the server's process first says where it listens");
  return {
    port: first.port,
    pid: child.pid!,
    async watched(action) {
      await ask("watch");
      await action();
      return (await ask("tell")) as Told;
    },
    async stop() {
      child.send("stop");
      await ended;
    },
  };
}
