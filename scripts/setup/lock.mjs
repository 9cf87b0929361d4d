/**
 * A lock between processes of one machine: a directory that holds its owner's name.
 *
 * Always true:
 *  - the directory appears in one step with the owner in it (rename of a prepared one; rename onto a full directory fails);
 *  - an owner is a process id and the time that process started, so that a reused id does not pass for the owner;
 *  - the lock of a dead owner is taken away by the next who wants it.
 */

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export async function withLock(directory, action) {
  await acquire(directory);
  const release = () => rmSync(directory, { recursive: true, force: true });
  const stop = (signal) => {
    release();
    process.kill(process.pid, signal);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  process.once("exit", release);
  try {
    return await action();
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    process.off("exit", release);
    release();
  }
}

async function acquire(directory) {
  mkdirSync(dirname(directory), { recursive: true });
  let told = false;
  for (;;) {
    if (tryTake(directory)) return;
    const owner = ownerOf(directory);
    if (owner !== null && !isAlive(owner)) {
      removeStale(directory, owner);
      continue;
    }
    if (owner !== null && !told) {
      told = true;
      process.stderr.write(`setup: process ${owner.split(" ")[0]} is setting up; waiting for it\n`);
    }
    await sleep(200);
  }
}

function tryTake(directory) {
  const prepared = mkdtempSync(`${directory}.`);
  writeFileSync(`${prepared}/owner`, identity(process.pid));
  try {
    renameSync(prepared, directory);
    return true;
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    if (error.code === "ENOTEMPTY" || error.code === "EEXIST") return false;
    throw error;
  }
}

/** Two waiters may both find the owner dead; whoever moves a live lock by mistake puts it back. */
function removeStale(directory, deadOwner) {
  const aside = `${directory}.stale-${process.pid}`;
  try {
    renameSync(directory, aside);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  if (ownerOf(aside) === deadOwner) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, directory);
}

function ownerOf(directory) {
  try {
    return readFileSync(`${directory}/owner`, "utf8");
  } catch {
    return null;
  }
}

function isAlive(owner) {
  const pid = Number(owner.split(" ")[0]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  return identity(pid) === owner;
}

/** `pid start-time`; the start time is field 22 of /proc/<pid>/stat, and empty where there is no /proc. */
function identity(pid) {
  let started = "";
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "utf8");
    started = status.slice(status.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    // No /proc here: the process id alone must do.
  }
  return `${pid} ${started}`;
}
