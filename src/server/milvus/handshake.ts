/** The first words of a client, and what the server says of its health and its clock. */

import { asMilvusError } from "../../base/errors.ts";
import { StateCode } from "../wire/generated/common_pb.js";
import { MilvusService, QuotaState } from "../wire/generated/milvus_pb.js";
import { type Method, answering } from "./method.ts";

const { connect, getVersion, checkHealth, getComponentStates, allocTimestamp } = MilvusService.method;

export const HANDSHAKE: readonly Method[] = [
  answering(connect, async (_request, { proxy, call, about }) => {
    const databaseName = call.metadata.get("dbname") ?? "";
    if (databaseName !== "") await proxy.describeDatabase(databaseName);
    return {
      // Clients send it back with every call; a timestamp is unique and greater than 0.
      identifier: await proxy.allocateTimestamp(),
      serverInfo: {
        buildTags: about.buildTags,
        buildTime: about.buildTime,
        gitCommit: about.gitCommit,
        goVersion: "",
        deployMode: about.deployMode,
        reserved: { ...about.reserved },
      },
    };
  }),

  answering(getVersion, async (_request, { about }) => ({ version: about.buildTags })),

  answering(checkHealth, async (_request, { proxy }) => {
    try {
      await proxy.allocateTimestamp();
      // Writes that wait are no illness: whoever watches is told that they do.
      const reason = await proxy.pressure();
      return reason === null
        ? { isHealthy: true }
        : { isHealthy: true, quotaStates: [QuotaState.WriteLimited], reasons: [reason] };
    } catch (thrown) {
      return { isHealthy: false, reasons: [`coordinator: ${asMilvusError(thrown).message}`] };
    }
  }),

  answering(getComponentStates, async (_request, { proxy }) => {
    const reachable = await proxy.allocateTimestamp().then(
      () => true,
      () => false,
    );
    return { state: { role: "proxy", stateCode: reachable ? StateCode.Healthy : StateCode.Abnormal } };
  }),

  answering(allocTimestamp, async (_request, { proxy }) => ({ timestamp: await proxy.allocateTimestamp() })),
];
