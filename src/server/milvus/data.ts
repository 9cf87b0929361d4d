/** Rows into existence and out of it: insert, upsert, delete. */

import { invalidParameter } from "../../base/errors.ts";
import type { ConsistencyLevel } from "../../model/types.ts";
import type { ArrayOperation } from "../../proxy/array-operations.ts";
import type { InsertRequest } from "../../proxy/requests.ts";
import { decodeMessage } from "../wire/control.ts";
import { DeleteRequestSchema, MilvusService } from "../wire/generated/milvus_pb.js";
import {
  type MutationAnswer,
  type WireInsert,
  type WireUpsert,
  decodeInsertRequest,
  decodeUpsertRequest,
  encodeMutationResult,
} from "../wire/insert.ts";
import { type StatusInit, statusOf } from "../wire/status.ts";
import { type Method, type Scope, encoded, targetOf } from "./method.ts";
import { generatedTemplateValues } from "./templates.ts";

const service = MilvusService.method;

const NOTHING: Omit<MutationAnswer, "status"> = {
  ids: null,
  succeeded: 0,
  failed: 0,
  acknowledged: false,
  insertCount: 0,
  deleteCount: 0,
  upsertCount: 0,
  timestamp: 0n,
};

export const DATA: readonly Method[] = [
  encoded(service.insert, {
    decode: (bytes) => decodeInsertRequest(bytes, true),
    run: async (request, scope) => {
      const { keys, rowCount, timestamp } = await scope.proxy.insert(insertRequest(request, scope));
      return encodeMutationResult({
        ...NOTHING,
        status: statusOf(null),
        ids: keys,
        succeeded: rowCount,
        insertCount: rowCount,
        timestamp,
      });
    },
    refuse: refuseRows,
  }),

  encoded(service.upsert, {
    decode: (bytes) => decodeUpsertRequest(bytes, true),
    run: async (request, scope) => {
      const { keys, rowCount, timestamp } = await scope.proxy.upsert({
        ...insertRequest(request, scope),
        isPartial: request.partialUpdate || request.fieldOperations.length > 0,
        arrayOperations: arrayOperations(request),
      });
      return encodeMutationResult({
        ...NOTHING,
        status: statusOf(null),
        ids: keys,
        succeeded: rowCount,
        insertCount: rowCount,
        deleteCount: rowCount,
        upsertCount: rowCount,
        timestamp,
      });
    },
    refuse: refuseRows,
  }),

  encoded(service.delete, {
    decode: (bytes) => decodeMessage(DeleteRequestSchema, bytes),
    run: async (request, scope) => {
      const { deleteCount, timestamp } = await scope.proxy.delete({
        ...targetOf(request, scope),
        partitionName: request.partitionName,
        expression: request.expr,
        templates: generatedTemplateValues(request.exprTemplateValues),
        consistencyLevel: request.consistencyLevel as ConsistencyLevel,
      });
      return encodeMutationResult({ ...NOTHING, status: statusOf(null), deleteCount, timestamp });
    },
    refuse: (status) => encodeMutationResult({ ...NOTHING, status }),
  }),
];

function insertRequest(request: WireInsert, scope: Scope): InsertRequest {
  refuseNamespace(request.namespace);
  return {
    ...targetOf(request, scope),
    partitionName: request.partitionName,
    fields: request.fields,
    rowCount: request.rowCount,
    schemaTimestamp: request.schemaTimestamp,
    idempotencyKey: scope.call.metadata.get("idempotency-key") ?? "",
  };
}

/** Of the fields that are not simply replaced. */
function arrayOperations(request: WireUpsert): Map<string, ArrayOperation> {
  const operations = new Map<string, ArrayOperation>();
  for (const { fieldName, operation } of request.fieldOperations) {
    const name = OPERATIONS[operation];
    if (name === undefined) throw invalidParameter(`there is no operation ${operation}, as of field ${fieldName}`);
    if (name !== null) operations.set(fieldName, name);
  }
  return operations;
}

/** By their numbers on the wire; null: replace. */
const OPERATIONS: Readonly<Record<number, ArrayOperation | null>> = { 0: null, 1: "ARRAY_APPEND", 2: "ARRAY_REMOVE" };

export function refuseNamespace(namespace: string | null | undefined): void {
  if (namespace != null && namespace !== "") throw invalidParameter("namespaces are not supported yet");
}

/** Every row is told as failed; rows that the sender only claims are not. */
function refuseRows(status: StatusInit, request: WireInsert): readonly Uint8Array[] {
  const sent = request.fields.reduce((most, field) => Math.max(most, field.rowCount), 0);
  return encodeMutationResult({ ...NOTHING, status, failed: Math.min(request.rowCount, sent) });
}
