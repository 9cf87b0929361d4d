/**
 * A server in a process of its own that is asked, over the channel of `fork`, how late its main thread's timers were and what
 * processor time it used. Started by `hosted.ts`.
 */

import { startServer } from "../../src/server/server.ts";
import { LoopWatch } from "../measure.ts";
import type { HostAnswer, HostQuestion } from "./hosted.ts";

const server = await startServer({ directory: process.argv[2]!, port: 0 });
const watch = new LoopWatch();
let total = process.cpuUsage();
let main = process.threadCpuUsage();

process.on("message", (question: HostQuestion) => {
  switch (question) {
    case "watch":
      total = process.cpuUsage();
      main = process.threadCpuUsage();
      watch.start();
      return answer({ kind: "watching" });
    case "tell": {
      const delay = watch.stop();
      const used = process.cpuUsage(total);
      const usedMain = process.threadCpuUsage(main);
      const seconds = (usage: { user: number; system: number }): number => (usage.user + usage.system) / 1e6;
      return answer({ kind: "told", delay, processorSeconds: seconds(used), mainThreadSeconds: seconds(usedMain) });
    }
    case "stop":
      void server.close().then(() => process.disconnect());
  }
});

function answer(message: HostAnswer): void {
  process.send!(message);
}

answer({ kind: "listening", port: server.port });
