/**
 * The other messages, by the generated code. A request that is no protobuf is the same `WireError` as from the hand-written readers.
 */

import {
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { WireError } from "./wire-error.ts";

export function decodeMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new WireError(`${schema.typeName}: ${error instanceof Error ? error.message : String(error)}`, 0);
  }
}

export function encodeMessage<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Uint8Array {
  return toBinary(schema, create(schema, init));
}
