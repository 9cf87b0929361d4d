"""Seed 004, the forms of a search: rows 4.13 to 4.16."""

from case import best, connect, equal, near, refused, seen, vectors
import numpy as np

client = connect()
shapes = {}
count = 300
rows = vectors(count, 24) * np.linspace(0.5, 2, count, dtype=np.float32)[:, None]
colors = [["red", "green", "blue"][row % 3] for row in range(count)]
queries = vectors(5, 24, seed=8)
for metric in ("L2", "IP", "COSINE"):
    name = f"search_{metric.lower()}"
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("id", 5, is_primary=True)
    schema.add_field("embedding", 101, dim=24)
    index_params = client.prepare_index_params()
    index_params.add_index("embedding", index_type="FLAT" if metric == "L2" else "AUTOINDEX", metric_type=metric)
    client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")
    data = [{"id": row, "embedding": rows[row].tolist(), "color": colors[row]} for row in range(count)]
    client.insert(name, data[:200])
    client.flush(name)
    client.insert(name, data[200:])

    def score(row, query):
        if metric == "L2":
            return float(((rows[row] - query) ** 2).sum())
        product = float(rows[row] @ query)
        return product if metric == "IP" else product / float(np.linalg.norm(rows[row]) * np.linalg.norm(query))

    single = client.search(
        name, anns_field="embedding", data=[queries[0].tolist()], limit=3, search_params={"metric_type": metric}
    )
    equal(len(single), 1, "one query, one list")
    equal(sorted(single[0][0].keys()), ["distance", "entity", "id"], "a hit is id, distance, entity")
    equal(single[0][0]["entity"], {}, "no output fields, an empty entity")
    ids = [hit["id"] for hit in single[0]]
    equal(ids, best(rows, queries[0], 3, metric), f"{metric} single")
    near([hit["distance"] for hit in single[0]], [score(row, queries[0]) for row in ids], f"{metric} distances")

    batch = client.search(name, data=queries.tolist(), limit=20)
    equal(len(batch), 5, "five queries, five lists")
    for query, hits in zip(queries, batch):
        equal([hit["id"] for hit in hits], best(rows, query, 20, metric), f"{metric} batch")

    for params in ({"metric_type": metric, "offset": 10}, None):
        options = {"search_params": params} if params else {"offset": 10}
        page = client.search(name, data=[queries[1].tolist()], limit=5, **options)[0]
        equal([hit["id"] for hit in page], best(rows, queries[1], 15, metric)[10:], f"{metric} offset {options}")
    past = client.search(name, data=[queries[1].tolist()], limit=10, offset=295)[0]
    equal(len(past), 5, "the last page is short")

    full = client.search(name, data=[queries[2].tolist()], limit=4, output_fields=["embedding", "color", "id"])[0]
    for hit in full:
        near(hit["entity"]["embedding"], rows[hit["id"]], "vector as output", 0)
        equal((hit["entity"]["color"], hit["entity"]["id"]), (colors[hit["id"]], hit["id"]), "scalars as output")
    every = client.search(name, data=[queries[2].tolist()], limit=1, output_fields=["*"])[0][0]["entity"]
    equal(sorted(every), ["color", "embedding", "id"], "every field")

    ordered = best(rows, queries[3], count, metric)
    outer, inner = score(ordered[30], queries[3]), score(ordered[10], queries[3])
    ring = client.search(
        name,
        data=[queries[3].tolist()],
        limit=100,
        search_params={"metric_type": metric, "params": {"radius": outer, "range_filter": inner}},
    )[0]
    lowest, highest = min(outer, inner) - 1e-5, max(outer, inner) + 1e-5
    assert all(lowest <= hit["distance"] <= highest for hit in ring), ring
    # The two rows at the very bounds are in or out by a rounding of 32 bits.
    equal(set(ordered[11:30]) <= {hit["id"] for hit in ring} <= set(ordered[10:31]), True, f"{metric} range")

    blue = [row for row in range(count) if colors[row] == "blue"]
    filtered = client.search(name, data=[queries[4].tolist()], limit=10, filter='color == "blue"')[0]
    equal([hit["id"] for hit in filtered], [blue[row] for row in best(rows[blue], queries[4], 10, metric)], "filter")
    none = client.search(name, data=[queries[4].tolist()], limit=10, filter='color == "pink"')[0]
    equal(list(none), [], "a filter that nothing passes")
    templated = client.search(
        name,
        data=[queries[4].tolist()],
        limit=10,
        filter="color in {colors}",
        filter_params={"colors": ["blue"]},
    )[0]
    equal([hit["id"] for hit in templated], [hit["id"] for hit in filtered], "a filter with a template")
    rounded = client.search(name, data=[queries[4].tolist()], limit=1, round_decimal=2)[0][0]["distance"]
    near(rounded, round(rounded, 2), "rounded")
    wrong = "IP" if metric == "L2" else "L2"
    mismatch = refused(
        lambda: client.search(name, data=[queries[0].tolist()], limit=3, search_params={"metric_type": wrong}),
        f"metric type not match: invalid parameter[expected={metric}][actual={wrong}]",
        1100,
    )
    shapes[metric] = ids
    client.drop_collection(name)
seen(ids=shapes, mismatch=mismatch)
