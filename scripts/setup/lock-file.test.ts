/** The lock file names every package that `npm ci` will ask for: npm leaves out optional ones that a registry did not have. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface LockedPackage {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function missingFrom(packages: Readonly<Record<string, LockedPackage>>): string[] {
  const missing: string[] = [];
  for (const [place, locked] of Object.entries(packages)) {
    for (const name of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })) {
      const nested = `${place === "" ? "" : `${place}/`}node_modules/${name}`;
      if (packages[nested] === undefined && packages[`node_modules/${name}`] === undefined) missing.push(name);
    }
  }
  return missing;
}

test("every dependency of a locked package is locked", () => {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, LockedPackage> };
  assert.deepEqual(missingFrom(lock.packages), []);
});

test("the check sees a package that is missing", () => {
  const packages = { "": { dependencies: { a: "1" } }, "node_modules/a": { optionalDependencies: { "a-linux": "1" } } };
  assert.deepEqual(missingFrom(packages), ["a-linux"]);
});
