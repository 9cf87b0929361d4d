/**
 * How a method of Milvus is told: its descriptor and what it does. Bytes come in, bytes go out; what the proxy throws becomes the
 * `Status` of an ordinary answer, as clients of Milvus expect.
 *
 * Always true:
 *  - an error of the table never ends a call with a gRPC status; a request that is no protobuf always does (INTERNAL);
 *  - a request without a database is about the one that the header `dbname` names.
 */

import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { asMilvusError } from "../../base/errors.ts";
import type { Proxy } from "../../proxy/proxy.ts";
import type { Target } from "../../proxy/requests.ts";
import { GrpcFailure } from "../grpc/failure.ts";
import type { GrpcAnswer, GrpcCall } from "../grpc/server.ts";
import { decodeMessage, encodeMessage } from "../wire/control.ts";
import type { StatusSchema } from "../wire/generated/common_pb.js";
import { type StatusInit, statusOf } from "../wire/status.ts";
import { WireError } from "../wire/wire-error.ts";

/** What a method may use besides its request. */
export interface Scope {
  readonly proxy: Proxy;
  readonly call: GrpcCall;
  readonly about: AboutServer;
}

/** What the server says of itself. */
export interface AboutServer {
  readonly buildTags: string;
  readonly buildTime: string;
  readonly gitCommit: string;
  /** `STANDALONE` or `DISTRIBUTED`. */
  readonly deployMode: string;
  readonly reserved: Readonly<Record<string, string>>;
  /** Told of whatever was thrown that is no error of the table: a fault of ours. */
  readonly onFault: (methodPath: string, thrown: unknown) => void;
}

export interface Method {
  readonly path: string;
  handle(request: Uint8Array, scope: Scope): Promise<GrpcAnswer>;
}

type WithStatus = { readonly status?: unknown };
type Answer<Descriptor extends DescMethodUnary> =
  MessageShape<Descriptor["output"]> extends WithStatus
    ? Omit<Exclude<MessageInitShape<Descriptor["output"]>, MessageShape<Descriptor["output"]>>, "status" | "$typeName">
    : never;

/** A method whose answer carries its own `status`; `run` gives the rest. */
export function answering<Descriptor extends DescMethodUnary>(
  descriptor: Descriptor,
  run: (request: MessageShape<Descriptor["input"]>, scope: Scope) => Promise<Answer<Descriptor>>,
): Method {
  const path = pathOf(descriptor);
  return {
    path,
    handle: async (bytes, scope) => {
      const request = decodeMessage(descriptor.input, bytes) as MessageShape<Descriptor["input"]>;
      const encode = (answer: object): Uint8Array =>
        encodeMessage(descriptor.output, answer as MessageInitShape<Descriptor["output"]>);
      return guarded(
        path,
        scope,
        async () => encode({ ...(await run(request, scope)), status: statusOf(null) }),
        (status) => encode({ status }),
      );
    },
  };
}

/** A method whose answer is the bare `Status`. */
export function acknowledging<Descriptor extends DescMethodUnary & { readonly output: typeof StatusSchema }>(
  descriptor: Descriptor,
  run: (request: MessageShape<Descriptor["input"]>, scope: Scope) => Promise<void>,
): Method {
  return telling(descriptor, run, (status) => status as MessageInitShape<Descriptor["output"]>);
}

/** A method whose answer is its status alone, put where `answer` says. */
export function telling<Descriptor extends DescMethodUnary>(
  descriptor: Descriptor,
  run: (request: MessageShape<Descriptor["input"]>, scope: Scope) => Promise<void>,
  answer: (status: StatusInit) => MessageInitShape<Descriptor["output"]>,
): Method {
  const path = pathOf(descriptor);
  return {
    path,
    handle: async (bytes, scope) => {
      const request = decodeMessage(descriptor.input, bytes) as MessageShape<Descriptor["input"]>;
      const encode = (status: StatusInit): Uint8Array => encodeMessage(descriptor.output, answer(status));
      return guarded(path, scope, () => run(request, scope).then(() => encode(statusOf(null))), encode);
    },
  };
}

/** A method with a codec of its own. `refuse` encodes an answer that is only its status. */
export function encoded<Request>(
  descriptor: DescMethodUnary,
  codec: {
    readonly decode: (bytes: Uint8Array) => Request;
    readonly run: (request: Request, scope: Scope) => Promise<GrpcAnswer>;
    readonly refuse: (status: StatusInit, request: Request) => GrpcAnswer;
  },
): Method {
  const path = pathOf(descriptor);
  return {
    path,
    handle: async (bytes, scope) => {
      const request = codec.decode(bytes);
      return guarded(
        path,
        scope,
        () => codec.run(request, scope),
        (status) => codec.refuse(status, request),
      );
    },
  };
}

/** The database that a request is about: its own, else the header's, else empty, which is `default`. */
export function databaseOf(databaseName: string, { call }: Scope): string {
  return databaseName === "" ? (call.metadata.get("dbname") ?? "") : databaseName;
}

export function targetOf(request: { readonly dbName: string; readonly collectionName: string }, scope: Scope): Target {
  return { databaseName: databaseOf(request.dbName, scope), collectionName: request.collectionName };
}

async function guarded(
  path: string,
  scope: Scope,
  run: () => Promise<GrpcAnswer>,
  refuse: (status: StatusInit) => GrpcAnswer,
): Promise<GrpcAnswer> {
  try {
    return await run();
  } catch (thrown) {
    if (thrown instanceof GrpcFailure || thrown instanceof WireError) throw thrown;
    const error = asMilvusError(thrown);
    // A fault of a role comes through the transport as an error of the table, and brings along what it was.
    if (error.kind === "Unexpected") scope.about.onFault(path, error.cause ?? error);
    return refuse(statusOf(error));
  }
}

function pathOf(descriptor: DescMethodUnary): string {
  return `/${descriptor.parent.typeName}/${descriptor.name}`;
}
