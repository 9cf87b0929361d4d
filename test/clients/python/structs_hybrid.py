"""Elements in hybrid searches and iterators against brute force: kept where all searches are of one struct, else made rows first."""

import numpy
from case import connect, equal, near, refused, seen, vectors
from pymilvus import AnnSearchRequest, DataType, RRFRanker, WeightedRanker
from pymilvus.client.embedding_list import EmbeddingList

client = connect()
name = "structs_hybrid"
count, dimension = 400, 8
pool = vectors(count * 8, dimension, seed=11)

schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("whole", DataType.FLOAT_VECTOR, dim=dimension)
for struct in ("first", "second"):
    fields = client.create_struct_field_schema()
    fields.add_field("number", DataType.INT64)
    for sub in ("image", "text", "list"):
        fields.add_field(sub, DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field(struct, DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=fields, max_capacity=5)
index_params = client.prepare_index_params()
index_params.add_index("whole", index_type="FLAT", metric_type="IP")
for struct in ("first", "second"):
    index_params.add_index(f"{struct}[image]", index_type="FLAT", metric_type="IP")
    index_params.add_index(f"{struct}[text]", index_type="FLAT", metric_type="L2")
    index_params.add_index(f"{struct}[list]", index_type="FLAT", metric_type="MAX_SIM_IP")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")


def parts(row, seed):
    return [
        {
            "number": (row * 7 + at) % 10,
            "image": pool[(row * 8 + at + seed) % len(pool)].tolist(),
            "text": pool[(row * 5 + at * 31 + seed) % len(pool)].tolist(),
            "list": pool[(row + at) % len(pool)].tolist(),
        }
        for at in range((row + seed) % 5)
    ]


data = [{"id": row, "whole": pool[row * 3 + 1].tolist(), "first": parts(row, 0), "second": parts(row, 3)} for row in range(count)]
client.insert(name, data[: count // 2])
client.flush(name)
client.insert(name, data[count // 2 :])
client.delete(name, ids=[7, 333])
rows = [row for row in data if row["id"] not in (7, 333)]
query, other = pool[17], pool[1234]


def score(metric, asked, vector):
    asked, vector = numpy.asarray(asked, numpy.float64), numpy.asarray(vector, numpy.float64)
    return ((asked - vector) ** 2).sum() if metric == "L2" else asked @ vector


def elements(struct, sub, asked, limit, passes=lambda one: True):
    """The nearest: (key, place), score."""
    metric, sign = ("L2", 1) if sub == "text" else ("IP", -1)
    scored = [
        (sign * score(metric, asked, one[sub]), (row["id"], at)) for row in rows for at, one in enumerate(row[struct]) if passes(one)
    ]
    return [(place, sign * value) for value, place in sorted(scored)[:limit]]


def wholes(asked, limit):
    scored = sorted((-score("IP", asked, row["whole"]), row["id"]) for row in rows)
    return [(row, -value) for value, row in scored[:limit]]


COLLAPSES = {
    None: lambda values: values[0],
    ("max", None): lambda values: values[0],
    ("sum", None): sum,
    ("avg", None): lambda values: sum(values) / len(values),
    ("topk_sum", 2): lambda values: sum(values[:2]),
    ("topk_avg", 2): lambda values: sum(values[:2]) / len(values[:2]),
}


def collapsed(found, collapse, ascends=False):
    by_row = {}
    for (row, _), value in found:
        by_row.setdefault(row, []).append(value)
    rated = [(row, COLLAPSES[collapse](values)) for row, values in by_row.items()]
    return sorted(rated, key=lambda one: one[1] if ascends else -one[1])


def ranked(*lists, limit):
    sums = {}
    for found in lists:
        for rank, (key, _) in enumerate(found):
            sums[key] = numpy.float32(sums.get(key, numpy.float32(0)) + numpy.float32(1) / numpy.float32(60 + rank + 1))
    return sorted(sums.items(), key=lambda one: (-one[1], one[0]))[:limit]


def ann(field, asked, limit=60, collapse=None, expr=None, **inner):
    if collapse is not None:
        strategy, topk = collapse
        inner["element_scope"] = {"collapse": {"strategy": strategy, **({} if topk is None else {"topk": topk})}}
    return AnnSearchRequest(data=[asked if isinstance(asked, EmbeddingList) else asked.tolist()], anns_field=field, param={"params": inner}, limit=limit, expr=expr)


def hybrid(requests, ranker=RRFRanker(60), limit=15, **more):
    return client.hybrid_search(name, requests, ranker, limit=limit, output_fields=["id", "first[number]"], **more)[0]


def check(hits, wanted, what):
    if wanted and isinstance(wanted[0][0], tuple):
        equal([(hit["id"], hit["offset"]) for hit in hits], [place for place, _ in wanted], what)
    else:
        equal([hit["id"] for hit in hits], [row for row, _ in wanted], what)
        equal([hit for hit in hits if "offset" in hit], [], f"{what}: rows have no place")
    near([hit["distance"] for hit in hits], [value for _, value in wanted], what, 1e-4)
    for hit in hits:
        equal([one["number"] for one in hit["entity"]["first"]], [one["number"] for one in data[hit["id"]]["first"]], what)


# Elements of one struct stay elements.
image, text = elements("first", "image", query, 60), elements("first", "text", other, 60)
check(hybrid([ann("first[image]", query), ann("first[text]", other)]), ranked(image, text, limit=15), "one struct")
check(hybrid([ann("first[image]", query), ann("first[text]", other)], offset=4), ranked(image, text, limit=19)[4:], "a later page")
few = elements("first", "image", query, 60, lambda one: one["number"] > 5)
check(
    hybrid([ann("first[image]", query, expr="element_filter(first, $[number] > 5)"), ann("first[text]", other)]),
    ranked(few, text, limit=15),
    "one struct, filtered",
)
groups = {}
for place, value in ranked(image, text, limit=1000):
    groups.setdefault(place[0], []).append(place)
hits = hybrid([ann("first[image]", query), ann("first[text]", other)], group_by_field="id", limit=3)
equal(len({hit["id"] for hit in hits}), 3, "groups are rows")
equal({(hit["id"], hit["offset"]) for hit in hits} <= {(row, at) for row in range(count) for at in range(5)}, True, "with a place")

# With anything else they become rows.
for collapse in COLLAPSES:
    if collapse is None or collapse[0] in ("max", "sum", "topk_sum", "avg", "topk_avg"):
        found = collapsed(image, collapse)
        check(
            hybrid([ann("first[image]", query, collapse=collapse), ann("whole", other)]),
            ranked(found, wholes(other, 60), limit=15),
            f"beside a vector, {collapse}",
        )
    if collapse is None or "sum" not in collapse[0]:
        check(
            hybrid([ann("first[image]", query), ann("second[text]", other, collapse=collapse)]),
            ranked(collapsed(image, None), collapsed(elements("second", "text", other, 60), collapse, True), limit=15),
            f"two structs, {collapse}",
        )
weights = {}
for weight, found in ((0.7, collapsed(image, ("sum", None))), (0.3, wholes(other, 60))):
    for row, value in found:
        weights[row] = weights.get(row, 0) + weight * value
check(
    hybrid([ann("first[image]", query, collapse=("sum", None)), ann("whole", other)], WeightedRanker(0.7, 0.3, norm_score=False)),
    sorted(weights.items(), key=lambda one: (-one[1], one[0]))[:15],
    "weighted",
)


def fails(text, *requests, **more):
    refused(lambda: hybrid(list(requests), **more), text, 1100)


lists = EmbeddingList([query, other])
whole = ann("whole", other)
fails("element_scope is not allowed for same-struct element-level hybrid search", ann("first[image]", query, collapse=("max", None)), ann("first[text]", other))
fails("element_scope.collapse.strategy topk_sum is only supported for positively related metrics", ann("first[text]", query, collapse=("topk_sum", 2)), whole)
fails("element_scope is only supported for element-level search", ann("whole", query, collapse=("max", None)), whole)
fails("unsupported element_scope.collapse.strategy: min", ann("first[image]", query, collapse=("min", None)), whole)
fails("element_scope.collapse.topk is only valid for topk strategies", ann("first[image]", query, collapse=("max", 2)), whole)
fails("element_scope.collapse.topk must be positive", ann("first[image]", query, collapse=("topk_sum", 0)), whole)
fails("unsupported element_scope key: more", ann("first[image]", query, element_scope={"more": 1}), whole)
refused(lambda: hybrid([ann("first[image]", query, collapse=("topk_avg", None)), whole]), "element_scope.collapse.topk is required for strategy topk_avg", 1101)
refused(lambda: hybrid([ann("first[image]", query, element_scope={}), whole]), "element_scope.collapse is required", 1101)
fails("range search is not supported for vector array (embedding-list) fields in hybrid search", ann("first[list]", lists, radius=0.1), whole)
fails("group by search is not supported for vector array (embedding-list) fields in hybrid search", ann("first[list]", lists), whole, group_by_field="id")
fails("group by search is only supported for same-struct element-level vector array fields", ann("first[image]", query), whole, group_by_field="id")
fails("element_filter is only supported for element-level search", whole, ann("whole", query, expr="element_filter(first, $[number] > 5)"))
refused(
    lambda: client.search(name, ids=[1], anns_field="first[image]", limit=3),
    "array of vector is not supported for search by IDs",
    1100,
)
check(hybrid([ann("first[list]", lists), whole])[:0], [], "lists beside a vector are searched")

# Iterators over elements.
iterator = client.search_iterator(name, data=[query.tolist()], anns_field="first[image]", batch_size=70, limit=400, output_fields=["id"])
walked = []
while page := iterator.next():
    walked += [(hit["id"], hit["offset"]) for hit in page]
iterator.close()
equal(walked, [place for place, _ in elements("first", "image", query, 400)], "an iterator over elements")
iterator = client.search_iterator(
    name, data=[other.tolist()], anns_field="second[text]", batch_size=50, filter="element_filter(second, $[number] < 4)", output_fields=["id"]
)
walked = []
while page := iterator.next():
    walked += [(hit["id"], hit["offset"]) for hit in page]
iterator.close()
every = elements("second", "text", other, 10_000, lambda one: one["number"] < 4)
equal(walked, [place for place, _ in every], "every element")
client.drop_collection(name)
seen(collapses=len(COLLAPSES), walked=len(every))
