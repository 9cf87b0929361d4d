/** gRPC status codes, and the error that a handler throws to end its call with one of them. */

import { WireError } from "../wire/wire-error.ts";

export const GrpcCode = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;
export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

export class GrpcFailure extends Error {
  override readonly name = "GrpcFailure";
  readonly code: GrpcCode;

  constructor(code: GrpcCode, text: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * Whatever a handler threw, as a status. A request that is no protobuf ends as servers in Go end it; anything else that is not a
 * `GrpcFailure` is a fault of ours: the errors of Milvus travel inside answers, never here.
 */
export function asGrpcFailure(thrown: unknown): GrpcFailure {
  if (thrown instanceof GrpcFailure) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof WireError) {
    return new GrpcFailure(GrpcCode.Internal, `grpc: error unmarshalling request: ${text}`, thrown);
  }
  return new GrpcFailure(GrpcCode.Unknown, text, thrown);
}
