/**
 * `common.Status`: how an error of the table travels inside an answer, for both codecs.
 *
 *   Status   1 error_code (old enum)  2 reason  3 code: int32  4 retriable  5 detail  6 extra_info: map<string, string>
 *
 * Always true: success is code 0 with error_code 0 and no text; on failure reason and detail are the same whole text.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type MilvusError, legacyCode } from "../../base/errors.ts";
import type { ErrorCode, StatusSchema } from "./generated/common_pb.js";
import { WireWriter } from "./writer.ts";

export type StatusInit = MessageInitShape<typeof StatusSchema> & StatusFields;

interface StatusFields {
  readonly errorCode: ErrorCode;
  readonly reason: string;
  readonly code: number;
  readonly retriable: boolean;
  readonly detail: string;
  readonly extraInfo: { [key: string]: string };
}

/** `error` null is success. `extraInfo` is told beside what the error itself says: `report_value`, storage costs. */
export function statusOf(error: MilvusError | null, extraInfo: Readonly<Record<string, string>> = {}): StatusInit {
  if (error === null) {
    return { errorCode: 0, reason: "", code: 0, retriable: false, detail: "", extraInfo: { ...extraInfo } };
  }
  return {
    errorCode: legacyCode(error.code) as ErrorCode,
    reason: error.message,
    code: error.code,
    retriable: error.retriable && !error.isInput,
    detail: error.message,
    extraInfo: error.isInput ? { ...extraInfo, is_input_error: "true" } : { ...extraInfo },
  };
}

export function encodeStatus(status: StatusInit): WireWriter {
  const writer = new WireWriter();
  writer.int32(1, status.errorCode);
  writer.text(2, status.reason);
  writer.int32(3, status.code);
  writer.bool(4, status.retriable);
  writer.text(5, status.detail);
  for (const [key, value] of Object.entries(status.extraInfo)) {
    const entry = new WireWriter();
    entry.textAlways(1, key);
    entry.textAlways(2, value);
    writer.message(6, entry);
  }
  return writer;
}
