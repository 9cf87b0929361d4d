"""Groups of several fields and of places, search aggregation, and functions that rank, against scans of numpy."""

from collections import Counter, defaultdict

from case import best, connect, equal, near, refused, seen, vectors
from pymilvus import AnnSearchRequest, DataType, Function, FunctionScore, FunctionType, SearchAggregation, TopHits

client = connect()
name = "ranking"
COUNT, LIMIT = 500, 8
words = vectors(COUNT, 16, 1)
question = vectors(1, 16, 3)[0]
brands = [["ajax", "brio", "cleo", "dona"][row * 7 % 4] for row in range(COUNT)]
sizes = [row * 31 % 5 for row in range(COUNT)]
prices = [row * 37 % 101 / 4 for row in range(COUNT)]

schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("words", DataType.FLOAT_VECTOR, dim=16)
schema.add_field("brand", DataType.VARCHAR, max_length=10)
schema.add_field("size", DataType.INT32)
schema.add_field("price", DataType.DOUBLE)
schema.add_field("info", DataType.JSON)
index = client.prepare_index_params()
index.add_index("words", index_type="FLAT", metric_type="IP")
client.create_collection(name, schema=schema, index_params=index, num_shards=2, consistency_level="Strong")
rows = [
    {
        "id": row, "words": words[row], "brand": brands[row], "size": sizes[row], "price": prices[row],
        "info": {"deep": {"lot": row % 6}}, "note": f"n{row % 3}",
    }
    for row in range(COUNT)
]
client.insert(name, rows[:300])
client.flush(name)
client.insert(name, rows[300:])
scores = words @ question
order = best(words, question, COUNT, "IP")


def groups_of(key, size, limit):
    groups = defaultdict(list)
    for row in order:
        if len(groups[key(row)]) < size:
            groups[key(row)].append(row)
    return [row for found in list(groups.values())[:limit] for row in found]


def search(**more):
    return client.search(name, [question], anns_field="words", **{"limit": LIMIT, **more})[0]


grouped = search(group_by_fields=["brand", "size"], group_size=3, strict_group_size=True)
equal([hit["id"] for hit in grouped], groups_of(lambda row: (brands[row], sizes[row]), 3, LIMIT), "two fields")
by_place = search(group_by_field='info["deep"]["lot"]', group_size=2, json_type=DataType.INT64, limit=4)
equal([hit["id"] for hit in by_place], groups_of(lambda row: row % 6, 2, 4), "a place")
by_key = search(group_by_field="note", group_size=2)
equal([hit["id"] for hit in by_key], groups_of(lambda row: row % 3, 2, LIMIT), "a key of the dynamic field")
refused(lambda: search(group_by_fields=["brand", "price"]), "unsupported data type DOUBLE for group by operator", 1100)

aggregation = SearchAggregation(
    fields=["brand"],
    size=3,
    metrics={"all": {"count": "*"}, "mean": {"avg": "price"}, "top": {"max": "_score"}},
    order=[{"_key": "desc"}],
    top_hits=TopHits(size=2, sort=[{"price": "asc"}]),
    sub_aggregation=SearchAggregation(fields=["size"], size=2, order=[{"_count": "desc"}, {"_key": "asc"}]),
)
result = client.search(
    name, [question], anns_field="words", limit=LIMIT, search_aggregation=aggregation, output_fields=["price"]
)
equal(len(result.agg_buckets), 1, "queries")
found = groups_of(lambda row: (brands[row], sizes[row]), 2, 3 * 2)
shown = sorted(set(brands[row] for row in found), reverse=True)[:3]
buckets = result.agg_buckets[0]
equal([bucket.key[0]["value"] for bucket in buckets], shown, "buckets")
for bucket in buckets:
    own = [row for row in found if brands[row] == bucket.key[0]["value"]]
    equal((bucket.count, bucket.metrics["all"]), (len(own), len(own)), "counts")
    near(bucket.metrics["mean"], sum(prices[row] for row in own) / len(own), "a mean")
    near(bucket.metrics["top"], max(scores[row] for row in own), "the best score")
    cheapest = sorted(own, key=lambda row: (prices[row], -scores[row]))[:2]
    equal([(hit.pk, hit.fields["price"]) for hit in bucket.hits], [(row, prices[row]) for row in cheapest], "hits")
    counts = Counter(sizes[row] for row in own)
    wanted = sorted(counts, key=lambda size: (-counts[size], size))[:2]
    equal([(inner.key[0]["value"], inner.count) for inner in bucket.sub_groups], [(size, counts[size]) for size in wanted], "inner")
refused(
    lambda: search(search_aggregation=SearchAggregation(fields=["price"], size=2)),
    "FLOAT / DOUBLE fields are not supported with search_aggregation", 1100,
)
refused(
    lambda: search(search_aggregation=SearchAggregation(fields=["note"], size=2)),
    "JSON / dynamic fields are not yet supported with search_aggregation", 1100,
)


def function(inputs, **given):
    return Function(name="f", function_type=FunctionType.RERANK, input_field_names=inputs, params=given)


def ranked(hits, scored, what):
    wanted = sorted(scored, key=lambda row: (-round(scored[row], 6), row))
    equal([hit["id"] for hit in hits], wanted[: len(hits)], what)
    near([hit["distance"] for hit in hits], [scored[row] for row in wanted[: len(hits)]], what)


decay = function(["price"], reranker="decay", function="gauss", origin=12, offset=2, decay=0.4, scale=5)
curve = [0.4 ** (max(0, abs(price - 12) - 2) ** 2 / 25) for price in prices]
ranked(search(ranker=decay), {row: scores[row] * curve[row] for row in order[:LIMIT]}, "decay")
deep = [AnnSearchRequest([question], "words", {}, 20, expr="size > 1"), AnnSearchRequest([question], "words", {}, 10)]
few = [row for row in order if sizes[row] > 1][:20]
both = {row: scores[row] * curve[row] for row in set(few) | set(order[:10])}
ranked(client.hybrid_search(name, deep, decay, limit=LIMIT)[0], both, "a hybrid search with decay")
boosts = [
    function([], reranker="boost", filter="size == 3", weight=1.5),
    function([], reranker="boost", filter='brand == "brio"', weight=0.5),
]
both_ways = FunctionScore(functions=boosts, params={"boost_mode": "sum", "function_mode": "sum"})
added = [1.5 * (sizes[row] == 3) + 0.5 * (brands[row] == "brio") for row in range(COUNT)]
ranked(search(ranker=both_ways), {row: scores[row] + added[row] for row in order[:LIMIT]}, "boosts")
one = search(ranker=boosts[0])
ranked(one, {row: scores[row] * (1.5 if sizes[row] == 3 else 1) for row in order[:LIMIT]}, "a boost")
drawn = function([], reranker="boost", weight=3, random_score={"seed": 7, "field": "id"})
equal(search(ranker=drawn), search(ranker=drawn), "draws of one seed")
refused(
    lambda: search(ranker=function(["price"], reranker="decay", function="flat", origin=1, scale=1)),
    'decay: invalid function "flat", must be one of [gauss, exp, linear]', 1100,
)
model = function(["brand"], reranker="model", provider="tei", queries=["a"], endpoint="http://127.0.0.1:1")
refused(lambda: search(ranker=model), "the reranker model is not supported", 1100)
refused(lambda: search(ranker=boosts[0], group_by_field="brand"), "segment scorer with group_by", 1100)
client.drop_collection(name)
seen(grouped=len(grouped), places=len(by_place), buckets=len(buckets))
