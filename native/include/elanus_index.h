/*
 * The kernel's approximate indexes, built from rows to a file, opened beside the rows that they were built from: graphs over int8 codes
 * here, inverted lists in elanus_lists.h; opening, closing and searching are one for both.
 *
 * Always true (besides what elanus_kernel.h says):
 *  - an index holds codes and neighbour lists in memory, or maps them; raw rows stay where the rows handle has them, and the best candidates are
 *    looked at again there, so that scores are the same bits as those of an exact search;
 *  - the same rows, options and seed give the same file, whatever the number of threads and the instruction set;
 *  - an open index holds its rows open; a search holds its index open;
 *  - whatever a file holds, opening it reports ELANUS_FILE or gives an index that can be searched.
 */
#ifndef ELANUS_INDEX_H
#define ELANUS_INDEX_H

#include "elanus_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ELANUS_LATE = 8 }; /* the time limit of a search has passed */

#define ELANUS_MIN_DEGREE 2u
#define ELANUS_MAX_DEGREE 512u
#define ELANUS_MAX_BEAM 16384u
#define ELANUS_MAX_WIDTH 16384u
#define ELANUS_MAX_INDEX_ROWS 0x7fffffffu
#define ELANUS_MAX_ENTRIES 16u
#define ELANUS_MAX_REORDER 1048576u
#define ELANUS_MAX_BOOK_BITS 12u /* of a code of a product quantiser */

typedef uint64_t elanus_index; /* a handle of the same table; it is no rows handle */

/*
 * LEAN: codes of one byte a dimension, and neighbour lists. PACKED: beside each list, one bit a dimension and neighbour as well, so that a
 * visit reads one piece of memory: about five times the memory of LEAN and the same file otherwise, searched at twice the speed and more.
 */
enum { ELANUS_LEAN = 0, ELANUS_PACKED = 1 };

typedef struct elanus_index_build {
  elanus_rows rows;
  uint64_t row_count; /* only the first rows are indexed */
  uint32_t metric;
  uint32_t degree; /* neighbours of a row, ELANUS_MIN_DEGREE to ELANUS_MAX_DEGREE; HNSW calls half of it M */
  uint32_t beam;   /* candidates looked at for each row, 1 to ELANUS_MAX_BEAM; HNSW calls it efConstruction */
  uint64_t seed;
  uint32_t layout;
} elanus_index_build;

/*
 * Writes `path`.part, flushes it and renames it to `path`; a build that fails or is cancelled leaves neither. Runs below searches.
 * Fails with ELANUS_INVALID if a row holds a NaN or an infinity.
 */
int elanus_index_build_start(const elanus_index_build *build, const char *path, elanus_done done, void *context, elanus_job **job,
                             elanus_error *error);
int elanus_index_build_wait(const elanus_index_build *build, const char *path, elanus_error *error);
/* From 0 to 1, for builds; 0 for other jobs. */
double elanus_job_progress(const elanus_job *job);

/*
 * READ takes memory for the file, in huge pages where it is large. MAP leaves it to the system which pages of the file are in memory; what
 * must be made when it is opened (marks, sketches, centres) is in memory either way; only packed graphs that are mapped go without sketches,
 * which their scans miss and their walks do not need. Searches are as good either way.
 */
enum { ELANUS_READ = 0, ELANUS_MAP = 1 };

/* Takes a file of any kind, and checks all of it. *index is written before `done` is called with ELANUS_OK, and then must be closed. */
int elanus_index_open_start(const char *path, elanus_rows rows, uint32_t how, elanus_index *index, elanus_done done, void *context,
                            elanus_job **job, elanus_error *error);
int elanus_index_open_wait(const char *path, elanus_rows rows, uint32_t how, elanus_index *index, elanus_error *error);
int elanus_index_close(elanus_index index, elanus_error *error);

/*
 * Nearest rows, nearly always the same as an exact search's. Scores, order and `tied` as there, among the rows that were looked at.
 * Whatever `allowed` bars is never a hit; where the walk through the graph cannot be trusted to have met the allowed rows that are
 * nearest, the codes of all allowed rows are scanned.
 */
typedef struct elanus_index_search {
  elanus_index index;
  const void *queries; /* made of what the rows are made of */
  uint64_t query_value_count;
  uint32_t k;
  uint32_t ef; /* graphs: width, 1 to ELANUS_MAX_WIDTH; at least k + k / 8 and 10 are taken */
  const uint8_t *allowed;
  uint64_t allowed_bytes;
  const uint32_t *rank;
  uint64_t rank_count;
  int has_outer, has_inner;
  float outer, inner;
  uint64_t time_limit_microseconds; /* from the start of the job; 0: none */
  uint32_t *hit_rows;
  uint64_t hit_row_count;
  float *hit_scores;
  uint64_t hit_score_count;
  uint8_t *tied;
  uint64_t tied_count;
  double *work; /* null, or room for ELANUS_INDEX_WORK numbers, sums over the queries */
  uint64_t work_count;
  uint32_t probes;     /* lists: how many are scanned, 1 or more */
  uint32_t reorder;    /* slim graphs and bands: in their headers; lists of codes: how many candidates are scored again by raw values; 0: none, else at least k */
  uint32_t unscored;   /* bands: 1: rows that share a whole band are all alike, each with 1; `reorder` says nothing then */
  uint32_t query_bits; /* lists of signs: bits that a dimension of the query is rounded to; 0: as many as serve */
  /* Graphs: more rows than the index has, which are scored one by one: `allowed` and `rank` are as long. 0: those of the index. */
  uint64_t row_count;
  uint32_t unfiltered; /* graphs: 1: what `allowed` bars was deleted, and the search is as sure as one without; 0: a filter's, which are surer */
} elanus_index_search;

/*
 * Rows visited, distances of codes, rows scored by raw values, queries answered by a scan of all codes, by a scan of all raw rows that
 * are allowed; lists scanned.
 */
enum { ELANUS_INDEX_WORK = 6 };

/* What an index is, which its file tells. */
enum { ELANUS_KIND_GRAPH = 0, ELANUS_KIND_LISTS = 1, ELANUS_KIND_SLIM = 2, ELANUS_KIND_POSTINGS = 3, ELANUS_KIND_BANDS = 4 };
typedef struct elanus_index_about {
  uint32_t kind, element, dimension, entry_bytes; /* of its rows; 0 of sparse ones */
  uint64_t row_count;
  uint64_t mapped_bytes; /* of what its description counts as memory: those that lie in the mapped file */
} elanus_index_about;
int elanus_index_tell(elanus_index index, elanus_index_about *about, elanus_error *error);

int elanus_index_search_start(const elanus_index_search *search, elanus_done done, void *context, elanus_job **job, elanus_error *error);
int elanus_index_search_wait(const elanus_index_search *search, elanus_error *error);
/* On the calling thread. With a time limit it ends in ELANUS_LATE soon after that has passed. */
int elanus_index_search_now(const elanus_index_search *search, elanus_error *error);
/*
 * Several of one query each, through graphs, on the calling thread: their walks take turns, so that one computes while others wait for memory.
 * The first that fails ends all; what the others have found is worth nothing then.
 */
int elanus_index_search_together(const elanus_index_search *searches, uint64_t count, elanus_error *error);

typedef struct elanus_index_description {
  uint32_t metric, dimension, degree, beam;
  uint64_t seed, row_count;
  uint64_t graph_row_count; /* less than row_count: equal codes share one, and rows without direction have none under COSINE */
  uint32_t layout;
  uint32_t slots; /* neighbours that a row has room for: `degree`, or in PACKED the next multiple of 32, all of which are used */
  uint64_t code_bytes, list_bytes, cluster_bytes, other_bytes; /* in memory; raw rows are the rows handle's */
  uint64_t file_bytes;
  uint32_t cluster_count; /* of rows, for searches under filters; none in a growing index */
  uint32_t entry_count, entries[ELANUS_MAX_ENTRIES];
  uint64_t rows_of_degree[ELANUS_MAX_DEGREE + 1];
} elanus_index_description;

/* Graphs. Fails with ELANUS_INVALID for an index of another kind. */
int elanus_index_describe(elanus_index index, elanus_index_description *description, elanus_error *error);

/* What the process holds now, besides rows. Mapped files are no memory of its own: the system takes their pages back when it needs them. */
typedef struct elanus_memory {
  uint64_t index_bytes, build_bytes, search_bytes, mapped_bytes;
} elanus_memory;
void elanus_memory_used(elanus_memory *memory);

/* ---- graphs that grow: an index over rows that still come, in memory only */

typedef uint64_t elanus_growing;

typedef struct elanus_growing_plan {
  elanus_rows rows; /* of numbers */
  uint32_t metric;
  uint32_t degree, beam; /* as for a build */
  uint64_t seed;
} elanus_growing_plan;

/* Takes addresses, no memory. Closed like an index; what was published stays until it is closed itself. */
int elanus_growing_create(const elanus_growing_plan *plan, elanus_growing *growing, elanus_error *error);
int elanus_growing_close(elanus_growing growing, elanus_error *error);
/*
 * Indexes the first `row_count` rows, below searches; *index becomes an index over them (or over as many as there is room for), to be
 * searched, described and closed like one that was opened. Rows that were appended later are not in it. One extension at a time: a
 * second is refused with ELANUS_BUSY. One that was cancelled leaves everything as it was; the next goes on from there.
 */
int elanus_growing_extend_start(elanus_growing growing, uint64_t row_count, elanus_index *index, elanus_done done, void *context,
                                elanus_job **job, elanus_error *error);
int elanus_growing_extend_wait(elanus_growing growing, uint64_t row_count, elanus_index *index, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
