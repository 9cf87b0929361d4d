/**
 * How a failure looks on a terminal: one line that says what is wrong and what to do, and an exit status.
 *
 * Exit status: 0 done, 1 failed, 2 the command line does not fit, 70 a bug of ours (with the stack, to report), 130 interrupted.
 */

import { AssertionFailure } from "../base/assert.ts";
import { MilvusError } from "../base/errors.ts";
import { UsageError } from "./arguments.ts";

export const EXIT = { done: 0, failed: 1, usage: 2, bug: 70, interrupted: 130 } as const;

/** Something that the user can mend; the text says how. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

export interface FailureReport {
  readonly text: string;
  readonly exitStatus: number;
}

export function describeFailure(error: unknown): FailureReport {
  if (error instanceof UsageError) {
    const help = error.command === null ? "elanus --help" : `elanus ${error.command.name} --help`;
    return { text: `elanus: ${error.message} (see ${help})`, exitStatus: EXIT.usage };
  }
  if (error instanceof CommandFailure || error instanceof MilvusError) {
    return { text: `elanus: ${oneLine(error.message)}`, exitStatus: EXIT.failed };
  }
  const system = systemFailure(error);
  if (system !== null) return { text: `elanus: ${system}`, exitStatus: EXIT.failed };
  if (error instanceof Error) {
    const kind = error instanceof AssertionFailure ? "" : "unexpected: ";
    return {
      text: `elanus: this is a bug, please report it: ${kind}${error.stack ?? error.message}`,
      exitStatus: EXIT.bug,
    };
  }
  return { text: `elanus: this is a bug, please report it: ${String(error)}`, exitStatus: EXIT.bug };
}

interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
}

function systemFailure(error: unknown): string | null {
  if (!(error instanceof Error) || typeof (error as Partial<SystemError>).code !== "string") return null;
  const { code, path = "a file", address = "", port = 0 } = error as SystemError;
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${address} is taken; stop what listens there or choose another with --port`;
    case "EADDRNOTAVAIL":
      return `this machine has no address ${address}; choose another with --host`;
    case "EACCES":
    case "EPERM":
      return port > 0
        ? `port ${port} needs more rights than this user has; choose one above 1023 with --port`
        : `no permission for ${path}; change its rights or choose another directory with --data`;
    case "ENOENT":
      return `there is no ${path}`;
    case "ENOTDIR":
      return `${path} is not a directory; choose another with --data`;
    case "ENOSPC":
      return `the disk is full; free some space and start again`;
    case "EROFS":
      return `${path} is on a read-only file system; choose another directory with --data`;
    case "ECONNREFUSED":
      return `nobody listens on ${address}:${port}; start the server with: elanus serve`;
    default:
      return null;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, "; ");
}
