import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { invalidParameter, milvusError } from "../../base/errors.ts";
import { StatusSchema } from "./generated/common_pb.js";
import { encodeStatus, statusOf } from "./status.ts";

describe("Status", () => {
  test("tells an error in both codecs alike", () => {
    const errors = [
      null,
      invalidParameter("bad"),
      milvusError("CollectionNotFound", "", { collection: "x" }),
      milvusError("ServiceRateLimit"),
      milvusError("NodeOffline"),
    ];
    for (const error of errors) {
      const status = statusOf(error, { report_value: "3" });
      const byHand = fromBinary(StatusSchema, encodeStatus(status).finish());
      assert.deepEqual(byHand, create(StatusSchema, status));
    }
    assert.deepEqual(statusOf(invalidParameter("bad")), {
      errorCode: 5,
      reason: "bad: invalid parameter",
      code: 1100,
      retriable: false,
      detail: "bad: invalid parameter",
      extraInfo: { is_input_error: "true" },
    });
    assert.equal(statusOf(milvusError("ServiceRateLimit")).retriable, true);
    assert.equal(statusOf(milvusError("ServiceRateLimit")).errorCode, 49);
    assert.equal(statusOf(null).code, 0);
  });
});
