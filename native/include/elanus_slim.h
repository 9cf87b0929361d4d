/*
 * Slim graphs: neighbour lists over the codes of a quantiser. Codes and lists are in memory, and take a fraction of the rows; raw rows
 * stay where their handle has them, on disk if they are mapped, and the best candidates are read from there.
 *
 * Always true (besides what elanus_index.h says): every hit has the score of an exact search.
 *
 * Not here: opening, closing and searching, which are one for all kinds (elanus_index.h): `ef` is the width of a search, `reorder` how
 * many candidates are read from the raw rows, at least k; 0: as many as the width.
 */
#ifndef ELANUS_SLIM_H
#define ELANUS_SLIM_H

#include "elanus_index.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What stands for a row. */
enum {
  ELANUS_SLIM_BOOK = 0,    /* a product quantiser: `subspaces` codes of `bits` bits */
  ELANUS_SLIM_STAGES = 1,  /* a product residual quantiser: as many `stages` times, each of what the stages before have left */
  ELANUS_SLIM_SCALAR = 2,  /* 4, 6 or 8 `bits` a dimension */
  ELANUS_SLIM_FLOAT16 = 3, /* the row itself in halves */
  ELANUS_SLIM_BFLOAT16 = 4
};
#define ELANUS_MAX_STAGES 16u

typedef struct elanus_slim_build {
  elanus_rows rows; /* of numbers */
  uint64_t row_count;
  uint32_t metric;
  uint32_t degree, beam;    /* as of a graph */
  uint32_t subspaces, bits; /* of books: 1 to the dimension; 1 to 12 */
  uint64_t seed;
  uint32_t codes, stages;
} elanus_slim_build;

/* As elanus_index_build_start. */
int elanus_slim_build_start(const elanus_slim_build *build, const char *path, elanus_done done, void *context, elanus_job **job,
                            elanus_error *error);
int elanus_slim_build_wait(const elanus_slim_build *build, const char *path, elanus_error *error);

typedef struct elanus_slim_description {
  uint32_t metric, dimension, element, degree, beam, codes, subspaces, bits, stages;
  uint64_t seed, row_count, graph_row_count;
  uint64_t neighbour_count; /* of all rows together */
  uint64_t code_bytes, list_bytes, other_bytes, file_bytes;
  uint64_t kept_row_count, kept_bytes; /* raw rows that are in memory besides */
} elanus_slim_description;

/*
 * Keeps raw rows of a mapped file in memory: those that most rows have for a neighbour, as many as `bytes` hold with four bytes for every row
 * of the index; what was kept before goes. Searches that run go on with what they began with. Nothing is kept of rows that are in memory.
 */
int elanus_slim_keep_start(elanus_index index, uint64_t bytes, elanus_done done, void *context, elanus_job **job, elanus_error *error);
int elanus_slim_keep_wait(elanus_index index, uint64_t bytes, elanus_error *error);

/* Fails with ELANUS_INVALID for an index of another kind. */
int elanus_slim_describe(elanus_index index, elanus_slim_description *description, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
