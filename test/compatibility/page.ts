/** `docs/compatibility.md`, from the methods that Milvus declares, those that are served, and the notes. */

import { METHODS } from "../../src/server/milvus/service.ts";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";
import { NOTES } from "./notes.ts";

export const PAGE = "docs/compatibility.md";

const HEAD = `# The methods of MilvusService

Made by \`node scripts/setup.mjs run test/compatibility/write.ts\` from what is served and \`test/compatibility/notes.ts\`; edit the notes, not this page.

Each method that Milvus 3.0 declares has one state. *Works*: as in Milvus, but for what the note says. *Not yet*: the call ends with the gRPC
status UNIMPLEMENTED and the method's name; nothing is answered that was not done. A test calls every one of them.

| Method | State | Note |
|---|---|---|
`;

/** By name, in the order in which Milvus declares them. */
export function methodStates(): ReadonlyMap<string, "works" | "not yet"> {
  const served = new Set(METHODS.map(({ path }) => path));
  return new Map(
    MilvusService.methods.map(({ name }) => [
      name,
      served.has(`/${MilvusService.typeName}/${name}`) ? "works" : "not yet",
    ]),
  );
}

export function methodsPage(): string {
  const rows = Array.from(methodStates(), ([name, state]) => `| ${name} | ${state} | ${NOTES[name] ?? ""} |\n`);
  return HEAD + rows.join("");
}
