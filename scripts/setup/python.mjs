/**
 * The Python environment of the client tests: a venv of its own, nothing of the machine's packages.
 *
 * Where Debian's python3 comes without `ensurepip` (package python3-venv), the machine's own pip fills the venv instead.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { capture, hasProgram } from "./run.mjs";

const WITHOUT = "the tests with Python clients will fail";

export async function makePythonEnvironment(directory, requirements) {
  if (!(await hasProgram("python3"))) return { text: `there is no python3; ${WITHOUT}` };
  rmSync(directory, { recursive: true, force: true });
  const python = join(directory, "bin/python");
  const install = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", requirements];
  const venv = await capture("python3", ["-m", "venv", directory]);
  if (venv.status === 0) {
    const { status, output } = await capture(python, ["-m", "pip", ...install]);
    return status === 0 ? null : { text: `pip failed; ${WITHOUT}`, output };
  }
  rmSync(directory, { recursive: true, force: true });
  const bare = await capture("python3", ["-m", "venv", "--without-pip", directory]);
  const filled = bare.status === 0 ? await capture("python3", ["-m", "pip", "--python", python, ...install]) : bare;
  if (filled.status === 0) return null;
  rmSync(directory, { recursive: true, force: true });
  return {
    text: `python3 has neither venv nor pip (Debian: apt-get install python3-venv); ${WITHOUT}`,
    output: `${venv.output}\n${filled.output}`,
  };
}
