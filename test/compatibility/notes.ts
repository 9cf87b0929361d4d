/**
 * What is to be said of Milvus's methods; `docs/compatibility.md` is made from it (`write.ts`). Whether a method is served is not said
 * here: the server is asked.
 */

export const NOTES: Readonly<Record<string, string>> = {
  CreateCollection: "No functions",
  LoadCollection: "One replica; the default resource group only",
  DescribeCollection: "By name, alias or id",
  ShowCollections: "Percentages are filled for both types of the request",
  AlterCollection:
    "Milvus's rules of what may change while the collection is loaded or indexed. Every property is kept and told back; `collection.ttl.seconds`, `ttl_field`, `dynamicfield.enabled`, `allow_insert_auto_id`, `consistency_level`, `timezone`, `mmap.enabled`, `partitionkey.isolation`, rates and `collection.description` have an effect, others have none yet",
  AlterCollectionField:
    "`max_length`, `max_capacity`, `field.description`, and `mmap.enabled` of dense vectors have an effect; `warmup` is kept and told back",
  LoadPartitions: "One replica; the default resource group only",
  GetLoadingProgress: "`refresh_progress` equals `progress`: there is nothing to refresh",
  CreateIndex: "Every index type for vectors is accepted and kept; `indexed_rows` counts rows that searches reach",
  AlterIndex: "The properties are kept and told back; `mmap.enabled` has an effect",
  GetIndexState: "Finished, or an error",
  Insert: "No namespace",
  Delete: "By keys or by any filter",
  Upsert: "Partial updates too; no namespace",
  Search:
    "Groups by Bool, integer and VarChar fields and one place in JSON; aggregation; `decay`, `boost`, `rrf`, `weighted`; no models, function chains, highlighting, namespaces; not in groups and in an order at once. Iterators (V2) work. `boost` weighs the best hits of the whole search, where Milvus weighs those of each segment, and draws other numbers",
  HybridSearch:
    "Reciprocal ranks and weighted scores by `rank_params`, these and `decay` and `boost` by a function score; in groups; no models, no function chains",
  Query: "Aggregates, groups and orders as well; aggregates and groups read fields, no places in JSON. Iterators work",
  FlushAll: "Every collection of every database",
  AddCollectionField: "Scalar and vector fields, nullable",
  GetQuerySegmentInfo: "No node ids: there is one node",
  GetComponentStates: "One component, the proxy",
  GetCompactionState:
    "An id that is not known is completed, with no plans, as in Milvus. So is one that had ended before a restart",
  ManualCompaction:
    "All of a collection, or of a partition, a channel, some segments, or only deletes; `target_size` up to the limit of merged segments. Rows that were deleted within the retention stay. No clustering compaction: it is refused with code 2303 or 2304",
  GetCompactionStateWithPlans: "Plans for deletes have no target (-1)",
  GetVersion: "`v2.6.20-elanus`: the release that is followed, and a name that tells it from the original",
  CheckHealth: "Healthy when the coordinator answers",
  Connect: "An unknown database in the header `dbname` is error 800. `authorization` is not looked at",
  AlterCollectionSchema: "Adds and drops fields; no functions",
};
