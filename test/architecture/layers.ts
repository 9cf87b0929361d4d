/**
 * The layers of `src`, lowest first, and the check that imports only go down.
 *
 * Always true of the table:
 *  - a folder may import itself and every folder on a row before its own;
 *  - folders on one row do not know each other: the seams are independent, and roles speak only through `rpc`.
 */

import { posix } from "node:path";
import { importsOf } from "./imports.ts";
import { isTest } from "./sources.ts";
import type { Sources } from "./sources.ts";

export const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["model"],
  ["kernel"],
  ["metastore", "objectstore", "log"],
  ["expr"],
  ["text"],
  ["storage"],
  ["index"],
  ["segment"],
  ["wal"],
  ["rank"],
  ["rpc"],
  ["streaming", "query", "data", "coordinator", "proxy"],
  ["engine"],
  ["server"],
  ["client"],
  ["cli"],
];

/** Which folders may import which package; a package that is not here may not be imported by `src` at all. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@bufbuild/protobuf": ["rpc", "server", "client"],
  "@grpc/grpc-js": ["rpc", "server", "client"],
  hyparquet: ["storage", "cli"],
};

/** Packages that only tests import. */
const TEST_PACKAGES = new Set(["fast-check", "@zilliz/milvus2-sdk-node"]);

export function layerViolations(sources: Sources): string[] {
  const rows = new Map(LAYERS.flatMap((folders, row) => folders.map((folder) => [folder, row] as const)));
  const violations: string[] = [];
  for (const [path, source] of sources) {
    const folder = folderOf(path);
    const row = rows.get(folder);
    if (row === undefined) {
      violations.push(`${path}: src/${folder} is not in the table of layers`);
      continue;
    }
    for (const { specifier, line } of importsOf(source)) {
      const place = `${path}:${line}`;
      if (specifier === null) violations.push(`${place}: imports something computed`);
      else if (specifier.startsWith(".")) {
        const target = posix.join(posix.dirname(path), specifier);
        if (!target.startsWith("src/")) {
          if (!isTest(path) && !/\.(json|node)$/.test(target))
            violations.push(`${place}: imports ${target}, outside of src`);
          continue;
        }
        const targetFolder = folderOf(target);
        const targetRow = rows.get(targetFolder);
        if (targetFolder === folder) continue;
        if (targetRow === undefined)
          violations.push(`${place}: imports ${target}, which is not in the table of layers`);
        else if (targetRow === row) violations.push(`${place}: ${folder} imports its neighbour ${targetFolder}`);
        else if (targetRow > row) violations.push(`${place}: ${folder} imports ${targetFolder}, which is above it`);
      } else if (!specifier.startsWith("node:")) {
        const name = specifier
          .split("/")
          .slice(0, specifier.startsWith("@") ? 2 : 1)
          .join("/");
        const allowed =
          PACKAGES[name]?.includes(folder) || (isTest(path) && (TEST_PACKAGES.has(name) || name in PACKAGES));
        if (!allowed) violations.push(`${place}: ${folder} imports the package ${name}`);
      }
    }
  }
  return violations;
}

/** Each cycle once, as the files on it in order. */
export function importCycles(sources: Sources): string[] {
  const targets = new Map<string, string[]>();
  for (const [path, source] of sources) {
    const relative = importsOf(source).flatMap(({ specifier }) =>
      specifier?.startsWith(".") ? [posix.join(posix.dirname(path), specifier)] : [],
    );
    targets.set(
      path,
      relative.filter((target) => sources.has(target)),
    );
  }
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) return void cycles.push([...trail.slice(start), path].join(" → "));
    if (finished.has(path)) return;
    for (const target of targets.get(path)!) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return cycles;
}

function folderOf(path: string): string {
  return path.split("/")[1]!;
}
