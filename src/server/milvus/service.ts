/**
 * `milvus.proto.milvus.MilvusService` over a proxy: the one table of its methods.
 *
 * What is not in the table answers UNIMPLEMENTED, under its name; nothing is answered that was not done.
 *
 * Not here: transport (grpc), bytes (wire), meaning (proxy). Authorization is off: the header `authorization` is not looked at.
 */

import type { Proxy } from "../../proxy/proxy.ts";
import type { GrpcServer } from "../grpc/server.ts";
import { ALIASES } from "./aliases.ts";
import { COLLECTIONS } from "./collections.ts";
import { COMPACTION } from "./compaction.ts";
import { DATA } from "./data.ts";
import { DATABASES } from "./databases.ts";
import { EVOLUTION } from "./evolution.ts";
import { FLUSHES } from "./flush.ts";
import { HANDSHAKE } from "./handshake.ts";
import { INDEXES } from "./indexes.ts";
import { LOADS } from "./loads.ts";
import type { AboutServer, Method } from "./method.ts";
import { PARTITIONS } from "./partitions.ts";
import { READS } from "./reads.ts";
import { SEGMENTS } from "./segments.ts";

export const METHODS: readonly Method[] = [
  HANDSHAKE,
  DATABASES,
  COLLECTIONS,
  EVOLUTION,
  PARTITIONS,
  ALIASES,
  INDEXES,
  LOADS,
  DATA,
  READS,
  FLUSHES,
  COMPACTION,
  SEGMENTS,
].flat();

/**
 * What clients take for the version of Milvus: the release whose behaviour is followed, with our name behind it, as a version in the
 * sense of semver. Clients compare it or show it, and none may take this server for the original.
 */
export const BUILD_TAGS = "v2.6.20-elanus";

export const ABOUT: AboutServer = {
  buildTags: BUILD_TAGS,
  buildTime: "",
  gitCommit: "",
  deployMode: "STANDALONE",
  reserved: {},
  onFault: () => {},
};

export function serveMilvus(server: GrpcServer, proxy: Proxy, options: Partial<AboutServer> = {}): void {
  const about = { ...ABOUT, ...options };
  for (const method of METHODS) {
    server.register(method.path, (request, call) => method.handle(request, { proxy, call, about }));
  }
}
