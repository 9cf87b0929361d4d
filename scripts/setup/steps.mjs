/**
 * The steps of the set-up, in order. A step says whether its result is current and how to make it; `work` gives null or a failure.
 *
 * Always true: a step that failed leaves no stamp, so the next set-up tries again.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { capture, chooseNode, hasProgram } from "./run.mjs";
import { filesUnder, hashOf, Stamp } from "./stamp.mjs";
import { makePythonEnvironment } from "./python.mjs";

/** The steps for one program: everybody needs the first three, only what drives Python clients needs the last. */
export function stepsFor(root, file, args) {
  const steps = [dependencies(root)];
  if (existsSync(join(root, "scripts/generate-protobuf.mjs"))) steps.push(wireTypes(root));
  if (existsSync(join(root, "scripts/build-addon.mjs"))) steps.push(addon(root));
  if (needsPython(file, args)) steps.push(python(root));
  return steps;
}

/** The test run does, unless it is a subset of the unit tests; so does everything under test and bench. */
function needsPython(file, args) {
  if (file === undefined) return false;
  if (file === "scripts/test.ts") {
    const paths = args.filter((argument) => !argument.startsWith("-"));
    return paths.length === 0 || paths.some((path) => /^(\.\/)?test\b/.test(path));
  }
  return /^(test|bench)\//.test(file);
}

/** Current when every package of the lock is installed in the version that the lock names. npm keeps that list itself. */
function dependencies(root) {
  const packages = (path) => JSON.parse(readFileSync(join(root, path), "utf8")).packages;
  return {
    title: "installing dependencies (npm ci)",
    required: true,
    isCurrent() {
      if (!existsSync(join(root, "node_modules/.package-lock.json"))) return false;
      const installed = packages("node_modules/.package-lock.json");
      return Object.entries(packages("package-lock.json")).every(
        ([name, wanted]) =>
          name === "" ||
          installed[name]?.integrity === wanted.integrity ||
          (installed[name] === undefined && wanted.optional === true),
      );
    },
    async work() {
      const flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
      const { status, output } = await capture("npm", flags, { cwd: root });
      return status === 0 ? null : { text: "failed; is the npm registry reachable?", output };
    },
  };
}

/** A script of ours that makes files: current while its inputs hash to the stamp and its outputs are there. */
function generator(root, { name, title, script, inputs, outputs, required, before, failed }) {
  const stamp = new Stamp(root, name);
  const hash = () => hashOf(root, [script, ...inputs]);
  return {
    title,
    required,
    isCurrent: () => stamp.isCurrent(hash()),
    async work() {
      stamp.remove();
      const obstacle = await before();
      if (obstacle !== null) return { text: obstacle };
      const { status, output } = await capture(chooseNode(root), [join(root, script)], { cwd: root });
      if (status !== 0) return { text: failed, output };
      const made = outputs();
      if (made.length === 0) return { text: `${failed}: ${script} made nothing`, output };
      stamp.write(hash(), made);
      return null;
    },
  };
}

const relativeTo = (root) => (file) => file.slice(root.length + 1);

function wireTypes(root) {
  return generator(root, {
    name: "wire-types",
    title: "generating the protobuf types",
    script: "scripts/generate-protobuf.mjs",
    inputs: [
      "proto",
      "scripts/protobuf",
      "node_modules/@zilliz/milvus2-sdk-node/package.json",
      "node_modules/@bufbuild/protoc-gen-es/package.json",
    ],
    outputs: () =>
      filesUnder(join(root, "src"))
        .filter((file) => file.includes("/generated/"))
        .map(relativeTo(root)),
    required: true,
    before: async () => null,
    failed: "failed",
  });
}

function addon(root) {
  return generator(root, {
    name: "addon",
    title: "compiling the kernel (g++)",
    script: "scripts/build-addon.mjs",
    inputs: ["native", "node_modules/node-api-headers/package.json"],
    outputs: () =>
      filesUnder(join(root, "build"))
        .filter((file) => file.endsWith(".node"))
        .map(relativeTo(root)),
    required: false,
    before: async () =>
      (await hasProgram(process.env.CXX ?? "g++"))
        ? null
        : "there is no g++; the TypeScript twin of the kernel serves, slower",
    failed: "failed; the TypeScript twin of the kernel serves, slower",
  });
}

function python(root) {
  const requirements = "test/clients/requirements.txt";
  const stamp = new Stamp(root, "python");
  return {
    title: "installing pymilvus for the client tests (.venv)",
    required: false,
    isCurrent: () => stamp.isCurrent(hashOf(root, [requirements])),
    async work() {
      stamp.remove();
      const failure = await makePythonEnvironment(join(root, ".venv"), join(root, requirements));
      if (failure === null) stamp.write(hashOf(root, [requirements]), [requirements, ".venv/bin/python"]);
      return failure;
    },
  };
}
