import { after, before, describe, test } from "node:test";
import { PlaceholderType } from "../../src/server/wire/generated/common_pb.js";
import {
  KEY,
  ok,
  params,
  placeholders,
  schemaBytes,
  searchFor,
  service,
  vectorField,
} from "../../src/server/milvus/testing/messages.ts";
import type { TestClient } from "../../src/server/milvus/testing/server.ts";
import { BOOKS, type Fixture, type Refusal, checkRefusal, openFixture } from "./fixture.ts";

const INVALID = ": invalid parameter";
const QUERY = [1, 0, 0, 0];

function searching(searchParams: Readonly<Record<string, string>>, more: Parameters<typeof searchFor>[3] = {}) {
  return (client: TestClient) => client.call(service.search, searchFor(BOOKS, [QUERY], searchParams, more));
}

function searchingFor(group: Uint8Array) {
  return searching({}, { searchInput: { case: "placeholderGroup", value: group } });
}

function querying(expr: string, queryParams: Readonly<Record<string, string>> = {}, outputFields = ["id"]) {
  return (client: TestClient) =>
    client.call(service.query, { collectionName: BOOKS, expr, outputFields, queryParams: params(queryParams) });
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "searching a collection that is not there",
    code: 100,
    text: "collection not found[database=default][collection=nothing]",
    send: (client) => client.call(service.search, searchFor("nothing", [QUERY])),
  },
  {
    name: "querying a collection that is not there",
    code: 100,
    text: "collection not found[database=default][collection=nothing]",
    send: (client) => client.call(service.query, { collectionName: "nothing", expr: "id > 0" }),
  },
  {
    name: "searching in a database that is not there",
    code: 800,
    text: "database not found[database=nowhere]",
    send: searching({}, { dbName: "nowhere" }),
  },
  {
    name: "searching in a partition that is not there",
    code: 200,
    text: "partition name p not found: partition not found",
    send: searching({}, { partitionNames: ["p"] }),
  },
  {
    name: "limit 0",
    code: 1100,
    text: `topk [0] is invalid, it should be in range [1, 16384], but got 0${INVALID}`,
    send: searching({ topk: "0" }),
  },
  {
    name: "limit 16,385",
    code: 1100,
    text: `topk [16385] is invalid, it should be in range [1, 16384], but got 16385${INVALID}`,
    send: searching({ topk: "16385" }),
  },
  {
    name: "a negative limit",
    code: 1100,
    text: `topk [-1] is invalid, it should be in range [1, 16384], but got -1${INVALID}`,
    send: searching({ topk: "-1" }),
  },
  {
    name: "a limit that is no number",
    code: 1100,
    text: `topk [ten] is invalid${INVALID}`,
    send: searching({ topk: "ten" }),
  },
  {
    name: "no limit",
    code: 1101,
    text: "topk is required: missing parameter",
    send: searching({}, { searchParams: [] }),
  },
  {
    name: "topk and offset over 16,384",
    code: 1100,
    text: `offset+topk [16385] is invalid, it should be in range [1, 16384], but got 16385${INVALID}`,
    send: searching({ topk: "10", offset: "16375" }),
  },
  {
    name: "a negative offset",
    code: 1100,
    text: `offset [-1] is invalid, it should be in range [1, 16384], but got -1${INVALID}`,
    send: searching({ offset: "-1" }),
  },
  {
    name: "another metric than the index has",
    code: 1100,
    text: "metric type not match: invalid parameter[expected=L2][actual=IP]",
    send: searching({ metric_type: "IP" }),
  },
  {
    name: "another metric inside the parameters",
    code: 1100,
    text: "metric type not match: invalid parameter[expected=L2][actual=COSINE]",
    send: searching({ params: '{"metric_type":"COSINE"}' }),
  },
  {
    name: "a query of another dimension",
    code: 1100,
    text: `vector dimension mismatch, expected vector size(byte) 16, actual 12.${INVALID}`,
    send: searchingFor(placeholders([[1, 2, 3]])),
  },
  {
    name: "queries of different dimensions",
    code: 1100,
    text: `vector dimension mismatch, expected vector size(byte) 16, actual 20.${INVALID}`,
    send: searchingFor(placeholders([QUERY, [1, 2, 3, 4, 5]])),
  },
  {
    name: "a query of another type",
    code: 1100,
    text: `vector type must be the same, field vector - type FloatVector, search info type BinaryVector${INVALID}`,
    send: searchingFor(placeholders([QUERY], PlaceholderType.BinaryVector)),
  },
  {
    name: "NaN in a query",
    code: 1100,
    text: `value 'NaN' is not a number or infinity${INVALID}`,
    send: searchingFor(placeholders([[1, 2, 3, Number.NaN]])),
  },
  {
    name: "a placeholder group that is no protobuf",
    code: 1100,
    text: /^failed to parse the placeholder group: .*: invalid parameter$/,
    send: searchingFor(Uint8Array.of(0x0a, 0xff)),
  },
  {
    name: "no query",
    code: 1100,
    text: `nq [0] is invalid, nq (number of search vector per search request) should be in range [1, 16384], but got 0${INVALID}`,
    send: searchingFor(placeholders([])),
  },
  {
    name: "a field that is not there to be searched",
    code: 1100,
    text: `failed to get field schema by name: fieldName(nothing) not found${INVALID}`,
    send: searching({ anns_field: "nothing" }),
  },
  {
    name: "an output field that is not there",
    code: 1100,
    text: `field nothing not exist${INVALID}`,
    send: searching({}, { outputFields: ["nothing"] }),
  },
  {
    name: "parameters that are no JSON",
    code: 1100,
    text: `the search params are not a JSON object: {ef${INVALID}`,
    send: searching({ params: "{ef" }),
  },
  {
    name: "round_decimal 7",
    code: 1100,
    text: `round_decimal [7] is invalid, should be -1 or an integer in range [0, 6]${INVALID}`,
    send: searching({ round_decimal: "7" }),
  },
  {
    name: "range_filter without radius",
    code: 1100,
    text: `range_filter requires radius to be set${INVALID}`,
    send: searching({ params: '{"range_filter":1}' }),
  },
  {
    name: "a search filter with a mistake, its place shown",
    code: 1100,
    text: /^failed to create query plan: cannot parse expression: pages > , error: line 1:8 .*: invalid parameter$/,
    send: searching({}, { dsl: "pages > " }),
  },
  {
    name: "a query filter with a mistake on its second line, its place shown",
    code: 1100,
    text: /^failed to create query plan: cannot parse expression: id > 1 and\n {2}pages >> , error: line 2:\d+ .*: invalid parameter$/s,
    send: querying("id > 1 and\n  pages >> "),
  },
  {
    name: "a filter over a field that is not there",
    code: 1100,
    text: /^failed to create query plan: cannot parse expression: colour == "red", error: .*colour.*: invalid parameter$/,
    send: querying('colour == "red"'),
  },
  {
    name: "a filter that compares a text with a number",
    code: 1100,
    text: /^failed to create query plan: cannot parse expression: title == 3, error: .*: invalid parameter$/,
    send: querying("title == 3"),
  },
  {
    name: "a filter template without its value",
    code: 1100,
    text: /^failed to create query plan: cannot parse expression: id in \{ids\}, error: the value of expression template variable name \{?ids\}? is not found.*: invalid parameter$/,
    send: querying("id in {ids}"),
  },
  {
    name: "everything without a limit",
    code: 1100,
    text: `empty expression should be used with limit${INVALID}`,
    send: querying(""),
  },
  {
    name: "a page that ends behind 16,384",
    code: 1100,
    text: `invalid max query result window, (offset+limit) should be in range [1, 16384], but got 16385${INVALID}`,
    send: querying("id > 0", { limit: "16384", offset: "1" }),
  },
  {
    name: "a query with limit 0",
    code: 1100,
    text: `invalid max query result window, limit [0] is invalid, should be greater than 0${INVALID}`,
    send: querying("id > 0", { limit: "0" }),
  },
  {
    name: "a query with an offset below 0",
    code: 1100,
    text: `invalid max query result window, offset [-1] is invalid, should be gte than 0${INVALID}`,
    send: querying("id > 0", { limit: "3", offset: "-1" }),
  },
  {
    name: "hints that are none",
    code: 1100,
    text: `hints: now not supported${INVALID}`,
    send: searching({ hints: "now" }),
  },
  {
    name: "a count with a limit",
    code: 1100,
    text: `count entities with pagination is not allowed${INVALID}`,
    send: querying("id > 0", { limit: "1" }, ["count(*)"]),
  },
];

describe("reading is refused:", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  for (const refusal of REFUSALS) test(refusal.name, () => checkRefusal(fixture, refusal));

  test("while the collection is not loaded", async () => {
    const { client } = fixture;
    const collectionName = "asleep";
    const schema = schemaBytes({ name: collectionName, fields: [KEY, vectorField()] });
    ok(await client.call(service.createCollection, { collectionName, schema }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await checkRefusal(fixture, {
      name: "",
      code: 101,
      text: "failed to search: collection not loaded[collection=asleep]",
      send: () => client.call(service.search, searchFor(collectionName, [QUERY])),
    });
    await checkRefusal(fixture, {
      name: "",
      code: 101,
      text: "failed to query: collection not loaded[collection=asleep]",
      send: () => client.call(service.query, { collectionName, expr: "id > 0" }),
    });
    await checkRefusal(fixture, {
      name: "",
      code: 101,
      text: "collection not loaded[collection=asleep]",
      send: () => client.call(service.getLoadingProgress, { collectionName }),
    });
  });
});
