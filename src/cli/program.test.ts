/** The command line from words to exit status, over a table of commands made for these tests. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionFailure } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import { SystemRuntime } from "../base/host/system.ts";
import type { Command, Invocation } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { runProgram } from "./program.ts";

interface Outcome {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
  readonly invocation: Invocation | null;
}

async function outcomeOf(
  words: string,
  run: () => Promise<number> = async () => 0,
  stop?: AbortSignal,
): Promise<Outcome> {
  let [output, errors] = ["", ""];
  let invocation: Invocation | null = null;
  const recorded = (given: Invocation): Promise<number> => {
    invocation = given;
    return run();
  };
  const commands: Command[] = [
    {
      name: "serve",
      aliases: ["run standalone"],
      summary: "Serve clients",
      options: {
        data: { kind: "text", value: "directory", default: "./data", help: "Where the data is" },
        config: { kind: "text", value: "file", help: "More settings" },
        port: { kind: "integer", value: "number", default: 19_530, least: 0, most: 65_535, help: "gRPC port" },
        quiet: { kind: "flag", help: "Say less" },
      },
      run: recorded,
    },
    { name: "inspect wal", summary: "Show the log", positionals: ["channel"], options: {}, run: recorded },
    { name: "inspect meta", summary: "Show the records", options: {}, run: recorded },
  ];
  const terminal = {
    output: { write: (text: string) => void (output += text) },
    errors: { write: (text: string) => void (errors += text) },
    stop: stop ?? new AbortController().signal,
    runtime: new SystemRuntime(),
  };
  const status = await runProgram(
    commands,
    words.split(" ").filter((word) => word !== ""),
    terminal,
  );
  return { status, output, errors, invocation };
}

test("options have their defaults", async () => {
  const { invocation, status } = await outcomeOf("serve");
  assert.equal(status, 0);
  assert.equal(invocation?.text("data"), "./data");
  assert.equal(invocation?.optionalText("config"), null);
  assert.equal(invocation?.integer("port"), 19_530);
  assert.equal(invocation?.flag("quiet"), false);
});

test("options are taken with a space or an equals sign, and an alias is the same command", async () => {
  const { invocation } = await outcomeOf("run standalone --data=/d --port 0 --quiet");
  assert.equal(invocation?.text("data"), "/d");
  assert.equal(invocation?.integer("port"), 0);
  assert.equal(invocation?.flag("quiet"), true);
});

test("a command of two words takes its arguments", async () => {
  assert.deepEqual((await outcomeOf("inspect wal by-dev-rootcoord-dml_0")).invocation?.positionals, [
    "by-dev-rootcoord-dml_0",
  ]);
});

for (const [words, expected] of [
  ["sevre", /there is no command "sevre"; did you mean "serve"\? \(see elanus --help\)/],
  ["dance", /there is no command "dance" \(see/],
  ["inspect", /which "inspect"\? There is inspect wal, inspect meta/],
  ["inspect walk", /which "inspect"\?/],
  ["serve --prot 1", /there is no option --prot; did you mean --port\? \(see elanus serve --help\)/],
  ["serve --constructor", /there is no option --constructor/],
  ["serve -x", /there is no option -x/],
  ["serve --port", /--port needs a value: <number>/],
  ["serve --data --quiet", /--data needs a value: <directory>/],
  ["serve --data=", /--data is empty/],
  ["serve --port 70000", /--port is "70000"; it must be a whole number from 0 to 65535/],
  ["serve --port 1e3", /--port is "1e3"/],
  ["serve --port=", /--port is ""/],
  ["serve --quiet=yes", /--quiet takes no value/],
  ["serve more", /"more" is one argument too many/],
  ["inspect wal", /<channel> is missing/],
] as const) {
  test(`"${words}" is refused in one line with exit status 2`, async () => {
    const { status, errors, invocation } = await outcomeOf(words);
    assert.match(errors, expected);
    assert.equal(errors.trimEnd().split("\n").length, 1);
    assert.equal(status, 2);
    assert.equal(invocation, null);
  });
}

test("help is made from the table", async () => {
  for (const words of ["", "--help", "-h", "help"]) {
    const { status, output } = await outcomeOf(words);
    assert.equal(status, 0);
    assert.match(output, /inspect wal <channel> {2}Show the log/);
  }
  for (const words of ["serve --help", "serve --port nonsense -h", "help serve", "help run standalone"]) {
    const { status, output, invocation } = await outcomeOf(words);
    assert.equal(status, 0);
    assert.equal(invocation, null);
    assert.match(output, /--port <number> {5}gRPC port \(default 19530\)/);
    assert.match(output, /elanus run standalone, the same/);
    assert.match(output, /--quiet {13}Say less/);
  }
});

test("the version is that of package.json", async () => {
  const { status, output } = await outcomeOf("--version");
  assert.equal(status, 0);
  assert.match(output, /^elanus \d+\.\d+\.\d+ \(Node \d+\./);
});

const failing = (error: unknown) => async (): Promise<number> => {
  throw error;
};
const system = (code: string, facts: object): Error => Object.assign(new Error(code), { code, ...facts });

for (const [title, error, status, expected] of [
  [
    "a command's failure",
    new CommandFailure("no data here; start with: elanus serve"),
    1,
    /^elanus: no data here; start/,
  ],
  [
    "an error of Milvus",
    milvusError("CollectionNotFound", "", { collection: "c" }),
    1,
    /collection not found\[collection=c\]/,
  ],
  [
    "a taken port",
    system("EADDRINUSE", { address: "127.0.0.1", port: 19_530 }),
    1,
    /port 19530 on 127.0.0.1 is taken; .*--port/,
  ],
  ["a low port", system("EACCES", { address: "127.0.0.1", port: 80 }), 1, /port 80 needs more rights/],
  ["no permission", system("EACCES", { path: "/d" }), 1, /no permission for \/d/],
  ["a full disk", system("ENOSPC", {}), 1, /the disk is full/],
  ["no server", system("ECONNREFUSED", { address: "::1", port: 1 }), 1, /nobody listens on ::1:1; .*elanus serve/],
  ["a text of many lines", new CommandFailure("one\n  two"), 1, /^elanus: one; two\n$/],
  [
    "a broken invariant",
    new AssertionFailure("invariant violated: x"),
    70,
    /this is a bug, please report it: .*\n\s+at /,
  ],
  ["anything else", new TypeError("x is not a function"), 70, /this is a bug.*unexpected: TypeError/],
  ["a thrown string", "oh", 70, /this is a bug.*: oh/],
] as const) {
  test(`${title} is told so and gives exit status ${status}`, async () => {
    const outcome = await outcomeOf("serve", failing(error));
    assert.match(outcome.errors, expected);
    assert.equal(outcome.status, status);
  });
}

test("what a stop interrupts is no failure", async () => {
  const reason = new Error("interrupted");
  const stop = AbortSignal.abort(reason);
  for (const error of [reason, new DOMException("aborted", "AbortError")]) {
    const outcome = await outcomeOf("serve", failing(error), stop);
    assert.deepEqual([outcome.status, outcome.errors], [130, ""]);
  }
  assert.equal((await outcomeOf("serve", failing(new CommandFailure("else")), stop)).status, 1);
});
