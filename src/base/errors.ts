/**
 * The error table: every code that a Milvus client can meet, with Milvus's sentinel text.
 *
 * The full text of an error is built as Milvus builds it: `context: sentinel[key=value][key=value]`. Clients match on substrings of
 * it, so neither the sentinels nor the order of the facts may change.
 *
 * `retriable` tells a client that the same request may succeed later; an input error is never retriable.
 */

interface ErrorRow {
  readonly code: number;
  readonly text: string;
  readonly retriable?: boolean;
  readonly input?: boolean;
}

export const ERRORS = {
  ServiceNotReady: { code: 1, text: "service not ready", retriable: true },
  ServiceUnavailable: { code: 2, text: "service unavailable", retriable: true },
  ServiceMemoryLimitExceeded: { code: 3, text: "memory limit exceeded" },
  ServiceTooManyRequests: { code: 4, text: "too many concurrent requests, queue is full", retriable: true },
  ServiceInternal: { code: 5, text: "service internal error" },
  ServiceCrossClusterRouting: { code: 6, text: "cross cluster routing" },
  ServiceDiskLimitExceeded: { code: 7, text: "disk limit exceeded" },
  ServiceRateLimit: { code: 8, text: "rate limit exceeded", retriable: true },
  ServiceQuotaExceeded: { code: 9, text: "quota exceeded" },
  ServiceUnimplemented: { code: 10, text: "service unimplemented" },
  ServiceTimeTickLongDelay: { code: 11, text: "time tick long delay" },
  ServiceResourceInsufficient: { code: 12, text: "service resource insufficient", retriable: true },
  CollectionNotFound: { code: 100, text: "collection not found" },
  CollectionNotLoaded: { code: 101, text: "collection not loaded" },
  CollectionNumLimitExceeded: { code: 102, text: "exceeded the limit number of collections", input: true },
  CollectionNotFullyLoaded: { code: 103, text: "collection not fully loaded", retriable: true },
  CollectionLoaded: { code: 104, text: "collection already loaded", input: true },
  CollectionIllegalSchema: { code: 105, text: "illegal collection schema", input: true },
  CollectionOnRecovering: { code: 106, text: "collection on recovering", retriable: true },
  CollectionVectorClusteringKeyNotAllowed: { code: 107, text: "vector clustering key not allowed", input: true },
  CollectionReplicateMode: { code: 108, text: "can't operate on the collection under standby mode", input: true },
  CollectionSchemaMismatch: { code: 109, text: "collection schema mismatch", input: true },
  CollectionSchemaVersionNotReady: { code: 110, text: "collection schema version not ready", retriable: true },
  PartitionNotFound: { code: 200, text: "partition not found" },
  PartitionNotLoaded: { code: 201, text: "partition not loaded" },
  PartitionNotFullyLoaded: { code: 202, text: "partition not fully loaded", retriable: true },
  GeneralCapacityExceeded: { code: 250, text: "general capacity exceeded" },
  ResourceGroupNotFound: { code: 300, text: "resource group not found", input: true },
  ResourceGroupAlreadyExist: {
    code: 301,
    text: "resource group already exist, but create with different config",
    input: true,
  },
  ResourceGroupReachLimit: { code: 302, text: "resource group num reach limit", input: true },
  ResourceGroupIllegalConfig: { code: 303, text: "resource group illegal config", input: true },
  ResourceGroupNodeNotEnough: { code: 304, text: "resource group node not enough" },
  ResourceGroupServiceUnAvailable: { code: 305, text: "resource group service unavailable", retriable: true },
  ReplicaNotFound: { code: 400, text: "replica not found" },
  ReplicaNotAvailable: { code: 401, text: "replica not available" },
  ChannelNotFound: { code: 500, text: "channel not found" },
  ChannelLack: { code: 501, text: "channel lacks" },
  ChannelReduplicate: { code: 502, text: "channel reduplicates" },
  ChannelNotAvailable: { code: 503, text: "channel not available" },
  ChannelCPExceededMaxLag: { code: 504, text: "channel checkpoint exceed max lag" },
  ChannelTSafeStalled: { code: 505, text: "channel tsafe stalled", retriable: true },
  ChannelDroppedSentinel: { code: 506, text: "channel checkpoint is dropped sentinel" },
  ChannelMisrouted: { code: 507, text: "channel misrouted: not owned by this node", retriable: true },
  SegmentNotFound: { code: 600, text: "segment not found" },
  SegmentNotLoaded: { code: 601, text: "segment not loaded" },
  SegmentLack: { code: 602, text: "segment lacks" },
  SegmentReduplicate: { code: 603, text: "segment reduplicates" },
  SegmentLoadFailed: { code: 604, text: "segment load failed" },
  SegmentRequestResourceFailed: { code: 605, text: "segment request resource failed" },
  IndexNotFound: { code: 700, text: "index not found" },
  IndexNotSupported: { code: 701, text: "index type not supported" },
  IndexDuplicate: { code: 702, text: "index duplicates", input: true },
  TaskDuplicate: { code: 703, text: "task duplicates" },
  DatabaseNotFound: { code: 800, text: "database not found" },
  DatabaseNumLimitExceeded: { code: 801, text: "exceeded the limit number of database", input: true },
  DatabaseInvalidName: { code: 802, text: "invalid database name", input: true },
  NodeNotFound: { code: 901, text: "node not found" },
  NodeOffline: { code: 902, text: "node offline" },
  NodeLack: { code: 903, text: "node lacks" },
  NodeNotMatch: { code: 904, text: "node not match" },
  NodeNotAvailable: { code: 905, text: "node not available" },
  NodeStateUnexpected: { code: 906, text: "node state unexpected" },
  IoKeyNotFound: { code: 1000, text: "key not found" },
  IoFailed: { code: 1001, text: "IO failed" },
  IoUnexpectEOF: { code: 1002, text: "unexpected EOF", retriable: true },
  IoTooManyRequests: { code: 1003, text: "too many requests", retriable: true },
  SerializationFailed: { code: 1004, text: "data serialization or deserialization failed" },
  IoPermissionDenied: { code: 1005, text: "permission denied" },
  IoBucketNotFound: { code: 1006, text: "bucket not found" },
  IoInvalidCredentials: { code: 1007, text: "invalid credentials" },
  Storage: { code: 1008, text: "storage internal error" },
  DataIntegrity: { code: 1009, text: "data integrity check failed" },
  IoInvalidArgument: { code: 1010, text: "invalid argument" },
  IoInvalidRange: { code: 1011, text: "invalid range" },
  IoEntityTooLarge: { code: 1012, text: "entity too large" },
  ParameterInvalid: { code: 1100, text: "invalid parameter", input: true },
  ParameterMissing: { code: 1101, text: "missing parameter", input: true },
  ParameterTooLarge: { code: 1102, text: "parameter too large", input: true },
  MetricNotFound: { code: 1200, text: "metric not found" },
  MqTopicNotFound: { code: 1300, text: "topic not found" },
  MqTopicNotEmpty: { code: 1301, text: "topic not empty" },
  MqInternal: { code: 1302, text: "message queue internal error" },
  DenyProduceMsg: { code: 1303, text: "deny to write the message to mq" },
  PrivilegeNotAuthenticated: { code: 1400, text: "not authenticated", input: true },
  PrivilegeNotPermitted: { code: 1401, text: "privilege not permitted", input: true },
  PrivilegeGroupInvalidName: { code: 1402, text: "invalid privilege group name", input: true },
  AliasNotFound: { code: 1600, text: "alias not found" },
  AliasCollectionNameConfilct: { code: 1601, text: "alias and collection name conflict" },
  AliasAlreadyExist: { code: 1602, text: "alias already exist" },
  CollectionIDOfAliasNotFound: { code: 1603, text: "collection id of alias not found" },
  FieldNotFound: { code: 1700, text: "field not found" },
  FieldInvalidName: { code: 1701, text: "field name invalid" },
  NeedAuthenticate: { code: 1800, text: "user hasn't authenticated", input: true },
  IncorrectParameterFormat: { code: 1801, text: "can only accept json format request", input: true },
  MissingRequiredParameters: { code: 1802, text: "missing required parameters", input: true },
  MarshalCollectionSchema: { code: 1803, text: "fail to marshal collection schema" },
  InvalidInsertData: { code: 1804, text: "fail to deal the insert data", input: true },
  InvalidSearchResult: { code: 1805, text: "fail to parse search result" },
  CheckPrimaryKey: { code: 1806, text: "please check the primary key and its' type can only in [int, string]" },
  HTTPRateLimit: { code: 1807, text: "request is rejected by limiter", retriable: true },
  DenyReplicateMessage: { code: 1900, text: "deny to use the replicate message in the normal instance" },
  InvalidMsgBytes: { code: 1901, text: "invalid replicate msg bytes" },
  NoAssignSegmentID: { code: 1902, text: "no assign segment id" },
  InvalidStreamObj: { code: 1903, text: "invalid stream object" },
  Segcore: { code: 2000, text: "segcore error" },
  SegcoreUnsupported: { code: 2001, text: "segcore unsupported error" },
  SegcorePretendFinished: { code: 2002, text: "segcore pretend finished" },
  SegcoreFollyOtherException: { code: 2037, text: "segcore folly other exception" },
  SegcoreFollyCancel: { code: 2038, text: "segcore Future was canceled" },
  SegcoreOutOfRange: { code: 2039, text: "segcore out of range" },
  SegcoreGCPNativeError: { code: 2040, text: "segcore GCP native error" },
  KnowhereError: { code: 2099, text: "knowhere error" },
  ImportFailed: { code: 2100, text: "importing data failed", input: true },
  ImportSysFailed: { code: 2101, text: "importing data failed on server side" },
  InconsistentRequery: { code: 2200, text: "inconsistent requery result", retriable: true },
  QueryPlan: { code: 2201, text: "query plan failed", input: true },
  CompactionReadDeltaLogErr: { code: 2300, text: "fail to read delta log" },
  IllegalCompactionPlan: { code: 2301, text: "compaction plan illegal" },
  CompactionPlanConflict: { code: 2302, text: "compaction plan conflict" },
  ClusteringCompactionClusterNotSupport: { code: 2303, text: "milvus cluster not support clustering compaction" },
  ClusteringCompactionCollectionNotSupport: { code: 2304, text: "collection not support clustering compaction" },
  ClusteringCompactionCollectionIsCompacting: { code: 2305, text: "collection is compacting" },
  ClusteringCompactionNotSupportVector: { code: 2306, text: "vector field clustering compaction is not supported" },
  ClusteringCompactionSubmitTaskFail: { code: 2307, text: "fail to submit task", retriable: true },
  ClusteringCompactionMetaError: { code: 2308, text: "fail to update meta in clustering compaction", retriable: true },
  ClusteringCompactionGetCollectionFail: { code: 2309, text: "fail to get collection in compaction", retriable: true },
  CompactionResultNotFound: { code: 2310, text: "compaction result not found" },
  AnalyzeTaskNotFound: { code: 2311, text: "analyze task not found", retriable: true },
  BuildCompactionRequestFail: { code: 2312, text: "fail to build CompactionRequest", retriable: true },
  GetCompactionPlanResultFail: { code: 2313, text: "fail to get compaction plan", retriable: true },
  CompactionResult: { code: 2314, text: "illegal compaction results" },
  DuplicatedCompactionTask: { code: 2315, text: "duplicated compaction task" },
  CleanPartitionStatsFail: { code: 2316, text: "fail to clean partition Stats", retriable: true },
  CompactionBlocked: { code: 2317, text: "compaction blocked by snapshot protection", retriable: true },
  FunctionFailed: { code: 2400, text: "function execution failed" },
  DataNodeSlotExhausted: { code: 2401, text: "datanode slot exhausted" },
  KMSKeyRevoked: { code: 2500, text: "KMS key has been revoked, access denied" },
  SnapshotNotFound: { code: 2600, text: "snapshot not found" },
  SnapshotPinned: { code: 2601, text: "snapshot is pinned" },
  OperationNotSupported: { code: 3000, text: "unsupported operation" },
  OldSessionExists: { code: 3001, text: "old session exists" },
  Unexpected: { code: 65535, text: "unexpected error" },
  ContextCanceled: { code: 10000, text: "context canceled" },
  ContextDeadlineExceeded: { code: 10001, text: "context deadline exceeded" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

/** The deprecated `error_code` that old clients still read, by `code`; every other failure is 1, UnexpectedError. */
const LEGACY_CODES: Readonly<Record<number, number>> = {
  0: 0,
  1: 56,
  110: 56,
  100: 4,
  1100: 5,
  1101: 5,
  1102: 5,
  904: 50,
  200: 15,
  400: 15,
  501: 15,
  401: 46,
  503: 46,
  506: 46,
  905: 46,
  3: 52,
  7: 54,
  11: 55,
  505: 55,
  8: 49,
  9: 48,
  700: 25,
  600: 47,
  109: 62,
};

export function legacyCode(code: number): number {
  return LEGACY_CODES[code] ?? 1;
}

export type ErrorFacts = Readonly<Record<string, string | number | bigint>>;

export class MilvusError extends Error {
  override readonly name = "MilvusError";
  readonly kind: ErrorName;
  readonly code: number;
  readonly retriable: boolean;
  readonly isInput: boolean;

  constructor(kind: ErrorName, text: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    const row: ErrorRow = ERRORS[kind];
    this.kind = kind;
    this.code = row.code;
    this.isInput = row.input === true;
    this.retriable = row.retriable === true && !this.isInput;
  }

  /** The same error with one more outer context, as in `failed to search: collection not loaded[collection=c]`. */
  within(context: string): MilvusError {
    return new MilvusError(this.kind, `${context}: ${this.message}`, this);
  }
}

/** `context: sentinel[key=value]…`; without context just `sentinel[key=value]…`. */
export function milvusError(kind: ErrorName, context = "", facts: ErrorFacts = {}, cause?: unknown): MilvusError {
  const keys = Object.entries(facts)
    .map(([key, value]) => `[${key}=${value}]`)
    .join("");
  const sentinel = `${ERRORS[kind].text}${keys}`;
  return new MilvusError(kind, context === "" ? sentinel : `${context}: ${sentinel}`, cause);
}

/** The commonest of all: 1100, `message: invalid parameter`. */
export function invalidParameter(message: string): MilvusError {
  return milvusError("ParameterInvalid", message);
}

/** 1100 in its two-sided form, `context: invalid parameter[expected=…][actual=…]`. */
export function unexpectedParameter(
  expected: string | number | bigint,
  actual: string | number | bigint,
  context = "",
): MilvusError {
  return milvusError("ParameterInvalid", context, { expected, actual });
}

/** Whatever was thrown, as an error of the table: what is not ours becomes 65535 and keeps its text. */
export function asMilvusError(thrown: unknown): MilvusError {
  if (thrown instanceof MilvusError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new MilvusError("Unexpected", text, thrown);
}
