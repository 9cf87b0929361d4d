/**
 * Writes the code of Milvus's wire messages to `src/server/wire/generated/`.
 *
 * The descriptors come from the development dependency `@zilliz/milvus2-sdk-node` (Apache-2.0), the code from `protoc-gen-es`.
 * JavaScript with declarations beside it, because its TypeScript output has enums, which Node does not strip.
 *
 * Always true:
 *  - nothing is written when the inputs (descriptor, generator version, these scripts) are those of the last run;
 *  - the stamp is written last and files are renamed into place, so that an interrupted or a parallel run leaves nothing half done.
 *
 * Plain JavaScript that runs on Node 20 and later: set-up calls it before anything else is there.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const REPOSITORY = dirname(dirname(fileURLToPath(import.meta.url)));
const OUTPUT = join(REPOSITORY, "src/server/wire/generated");
const STAMP = join(OUTPUT, ".stamp");
const DESCRIPTOR = "@zilliz/milvus2-sdk-node/dist/milvus/proto-json/milvus.js";
const PACKAGES = "milvus.proto";

const require = createRequire(import.meta.url);

/** Returns true when code was written, false when it was up to date. */
export async function generateProtobuf() {
  const stamp = inputStamp();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp) return false;
  const files = await generate();
  mkdirSync(OUTPUT, { recursive: true });
  for (const { name, content } of files) writeWhole(join(OUTPUT, name), content);
  for (const name of readdirSync(OUTPUT)) {
    if (!name.startsWith(".") && !files.some((file) => file.name === name)) rmSync(join(OUTPUT, name), { force: true });
  }
  writeWhole(STAMP, stamp);
  return true;
}

function inputStamp() {
  const hash = createHash("sha256");
  const inputs = [
    require.resolve(DESCRIPTOR),
    require.resolve("@bufbuild/protoc-gen-es/package.json"),
    fileURLToPath(import.meta.url),
    join(REPOSITORY, "scripts/protobuf/descriptor-set.mjs"),
  ];
  for (const input of inputs) hash.update(readFileSync(input)).update("\0");
  return hash.digest("hex");
}

async function generate() {
  const { create, fromBinary, toBinary } = await import("@bufbuild/protobuf");
  const { CodeGeneratorRequestSchema, CodeGeneratorResponseSchema } = await import("@bufbuild/protobuf/wkt");
  const { descriptorSet } = await import("./protobuf/descriptor-set.mjs");
  const protoFile = descriptorSet(require(DESCRIPTOR).default, PACKAGES);
  const request = create(CodeGeneratorRequestSchema, {
    protoFile,
    fileToGenerate: protoFile.map((file) => file.name).filter((name) => !name.startsWith("google/")),
    parameter: "target=js+dts,import_extension=js",
  });
  const packageFile = require.resolve("@bufbuild/protoc-gen-es/package.json");
  const plugin = join(dirname(packageFile), JSON.parse(readFileSync(packageFile, "utf8")).bin["protoc-gen-es"]);
  const run = spawnSync(process.execPath, [plugin], {
    input: toBinary(CodeGeneratorRequestSchema, request),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) throw new Error(`protoc-gen-es ended with ${run.status}: ${run.stderr.toString()}`);
  const response = fromBinary(CodeGeneratorResponseSchema, run.stdout);
  if (response.error !== "") throw new Error(`protoc-gen-es: ${response.error}`);
  return response.file.map(({ name, content }) => ({ name, content }));
}

function writeWhole(path, content) {
  const temporary = join(dirname(path), `.${process.pid}.tmp`);
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const written = await generateProtobuf();
  console.log(written ? `wrote ${OUTPUT}` : "generated protobuf code is up to date");
}
