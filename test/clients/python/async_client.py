"""The client for asyncio: the same calls, many at once."""

import asyncio

from case import ADDRESS, best, equal, seen, vectors
from pymilvus import AsyncMilvusClient, MilvusException

NAME, COUNT = "async_client", 400
rows = vectors(COUNT, 12)
queries = vectors(20, 12, seed=30)


async def main():
    client = AsyncMilvusClient(uri=f"http://{ADDRESS}", timeout=60)
    await client.create_collection(NAME, dimension=12, consistency_level="Strong")
    entities = [{"id": row, "vector": rows[row].tolist(), "word": f"w{row}"} for row in range(COUNT)]
    results = await asyncio.gather(*(client.insert(NAME, entities[start : start + 20]) for start in range(0, COUNT, 20)))
    equal(sum(result["insert_count"] for result in results), COUNT, "inserted at once")
    found = await asyncio.gather(
        *(client.search(NAME, data=[query.tolist()], limit=5, output_fields=["word"]) for query in queries)
    )
    for query, hits in zip(queries, found):
        equal([hit["id"] for hit in hits[0]], best(rows, query, 5), "searched at once")
        equal([hit["entity"]["word"] for hit in hits[0]], [f"w{hit['id']}" for hit in hits[0]], "fields")
    await asyncio.gather(*(client.delete(NAME, ids=[row]) for row in range(0, COUNT, 4)))
    counted = await client.query(NAME, filter="", output_fields=["count(*)"])
    equal(counted[0]["count(*)"], COUNT * 3 // 4, "deleted at once")
    await client.upsert(NAME, entities[:8])
    got = await client.get(NAME, ids=list(range(8)), output_fields=["word"])
    equal(sorted(row["word"] for row in got), [f"w{row}" for row in range(8)], "got")
    try:
        await client.search("nope", data=[queries[0].tolist()], limit=1)
        raise AssertionError("a search of nothing answered")
    except MilvusException as error:
        equal(error.code, 100, error.message)
    await client.drop_collection(NAME)
    await client.close()


asyncio.run(main())
seen(rows=COUNT)
