/*
 * The kernel's face: a plain C ABI. Node's binding stands on it, and so do the checks that run without Node.
 *
 * Always true:
 *  - no exception leaves a function; a status comes back, and `error` (may be null) gets a text that says what was wrong;
 *  - handles and lengths are checked before anything is read; only pointers are believed, and each comes with its length;
 *  - a handle is a slot and a generation of one process-wide table; every thread may use it; it fits a double;
 *  - a running job holds its rows open, whatever is closed meanwhile; buffers belong to the caller and must live, unmoved,
 *    until `done` was called or the waiting function has returned.
 *
 * Not here: graph indexes, quantisation.
 */
#ifndef ELANUS_KERNEL_H
#define ELANUS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ELANUS_OK = 0,
  ELANUS_INVALID = 1,   /* an argument is out of range, a length does not fit */
  ELANUS_STALE = 2,     /* the handle is closed, or never was one */
  ELANUS_FILE = 3,      /* a file cannot be opened or mapped, or is too short */
  ELANUS_MEMORY = 4,    /* no memory, or a table is full */
  ELANUS_BUSY = 5,      /* too many jobs wait already */
  ELANUS_CANCELLED = 6,
  ELANUS_INTERNAL = 7
};

/* What rows are made of. One entry is a float, 16 raw bits, 16 raw bits, a signed byte, a byte of eight bits. */
enum { ELANUS_FLOAT32 = 0, ELANUS_FLOAT16 = 1, ELANUS_BFLOAT16 = 2, ELANUS_INT8 = 3, ELANUS_BINARY = 4 };

/* The first three are of numbers, the others of bits. */
enum {
  ELANUS_L2 = 0,
  ELANUS_IP = 1,
  ELANUS_COSINE = 2,
  ELANUS_HAMMING = 3,
  ELANUS_JACCARD = 4,
  ELANUS_SUBSTRUCTURE = 5,
  ELANUS_SUPERSTRUCTURE = 6,
  ELANUS_MHJACCARD = 7
};

#define ELANUS_MAX_DIMENSION 32768u
#define ELANUS_MAX_BINARY_DIMENSION 262144u
#define ELANUS_MAX_K 16384u
#define ELANUS_MAX_HITS (1u << 27) /* queries times k of one search */
#define ELANUS_NO_ROW 0xffffffffu

typedef uint64_t elanus_rows;
typedef struct elanus_error { char text[256]; } elanus_error;

/* ---- rows: vectors of one element and dimension, one behind the other; the dimension of binary rows counts bits, a multiple of 8 */

typedef struct elanus_description {
  uint32_t element;
  uint32_t dimension;
  uint32_t row_entries;
  uint32_t entry_bytes;
  uint64_t row_count;
  uint64_t bytes; /* of the rows themselves */
} elanus_description;

/* Rows that grow in memory. Rows that were appended never move, so searches may run beside one writer. */
int elanus_rows_create(uint32_t element, uint32_t dimension, elanus_rows *rows, elanus_error *error);
/* Copies a whole number of rows behind the last one. */
int elanus_rows_append(elanus_rows rows, const void *entries, uint64_t entry_count, uint64_t *row_count, elanus_error *error);
/* Rows that lie in a file, little-endian, from byte `offset` on. The file must not shrink while it is mapped. */
int elanus_rows_map(const char *path, uint64_t offset, uint64_t row_count, uint32_t element, uint32_t dimension, elanus_rows *rows,
                    elanus_error *error);
int elanus_rows_describe(elanus_rows rows, elanus_description *description, elanus_error *error);
/* Copies the named rows, in that order. */
int elanus_rows_gather(elanus_rows rows, const uint32_t *numbers, uint64_t number_count, void *entries, uint64_t entry_count,
                       elanus_error *error);
/* Closing twice is harmless; only what never was a handle is refused. */
int elanus_rows_close(elanus_rows rows, elanus_error *error);
uint64_t elanus_open_handles(void);

/* ---- jobs: run on the kernel's own threads */

typedef struct elanus_job elanus_job;
/* Called once, from a thread of the pool or from the thread that cancels. `text` lives only during the call. */
typedef void (*elanus_done)(void *context, int status, const char *text);

/* Stops a job soon, within one block of work; harmless after its end. `done` is still called, with ELANUS_CANCELLED unless it won. */
void elanus_job_cancel(elanus_job *job);
/* Gives the job back. It goes on running if it has not ended. */
void elanus_job_release(elanus_job *job);

/*
 * Exact nearest rows. Scores: L2 is the squared distance (smaller is better), IP the dot product, COSINE the cosine in [-1, 1],
 * 0 where either vector is zero (larger is better). HAMMING counts bits that differ; JACCARD is 1 - shared / all, and 1 where none is
 * shared; SUBSTRUCTURE is 0 for rows with all bits of the query, SUPERSTRUCTURE for rows without other bits, and other rows are no hits;
 * MHJACCARD is the share of equal hashes (larger is better), and rows without one are no hits. A row whose score is NaN is never a hit.
 * Order: by score, then rank (null: none), then row number.
 */
typedef struct elanus_search {
  elanus_rows rows;
  uint64_t row_count; /* only the first rows are looked at */
  const void *queries; /* made of what the rows are made of */
  uint64_t query_value_count; /* entries: queries times those of a row */
  uint32_t metric;
  uint32_t k;
  uint32_t hash_bits; /* MHJACCARD: 8, 16, 32 or 64; 0 means 8 */
  uint32_t bands;     /* MHJACCARD: 0, or up to the hashes of a row: rows that share a whole band are hits, each with 1, others are none */
  const uint8_t *allowed; /* one bit a row, or null */
  uint64_t allowed_bytes; /* at least 8 for each started 64 rows */
  const uint32_t *rank;   /* one a row, or null */
  uint64_t rank_count;
  int has_outer, has_inner; /* distances: inner <= score < outer; else outer < score <= inner; an inner bound needs an outer one */
  float outer, inner;
  uint32_t *hit_rows; /* queries times k, then as many scores: ELANUS_NO_ROW and NaN where there is no hit */
  uint64_t hit_row_count;
  float *hit_scores;
  uint64_t hit_score_count;
  uint8_t *tied; /* one a query: 1 if a row that is not among the k hits has the score of the last */
  uint64_t tied_count;
} elanus_search;

int elanus_search_start(const elanus_search *search, elanus_done done, void *context, elanus_job **job, elanus_error *error);
int elanus_search_wait(const elanus_search *search, elanus_error *error);
int elanus_search_now(const elanus_search *search, elanus_error *error); /* on the calling thread */

/*
 * Exact nearest lists: list i are the rows from ends[i] to ends[i + 1], and so with queries. The score of a list is the sum, over the
 * vectors of the query, of the best score of its rows; one without rows is never a hit. Metrics of numbers, HAMMING and JACCARD.
 */
typedef struct elanus_list_search {
  elanus_rows rows;
  const uint32_t *ends; /* one more than lists, from 0 on, ascending */
  uint64_t end_count;
  uint64_t list_count;
  const void *queries; /* made of what the rows are made of */
  uint64_t query_value_count;
  const uint32_t *query_ends;
  uint64_t query_end_count;
  uint64_t query_count;
  uint32_t metric;
  uint32_t k;
  const uint8_t *allowed; /* one bit a list, or null */
  uint64_t allowed_bytes;
  const uint32_t *rank;   /* one a list, or null */
  uint64_t rank_count;
  uint32_t *hit_rows; /* numbers of lists; these and what follows as in elanus_search */
  uint64_t hit_row_count;
  float *hit_scores;
  uint64_t hit_score_count;
  uint8_t *tied;
  uint64_t tied_count;
} elanus_list_search;
int elanus_list_search_start(const elanus_list_search *search, elanus_done done, void *context, elanus_job **job, elanus_error *error);
int elanus_list_search_wait(const elanus_list_search *search, elanus_error *error);

/* *index becomes the place of the first NaN or infinity, or -1. */
int elanus_find_not_finite_start(uint32_t element, const void *entries, uint64_t entry_count, int64_t *index, elanus_done done, void *context,
                                 elanus_job **job, elanus_error *error);
int elanus_find_not_finite(uint32_t element, const void *entries, uint64_t entry_count, int64_t *index, elanus_error *error);

/* ---- on the calling thread */

/* bits: 8 bytes for each started 64 rows; all are written. Visible: insert <= timestamp < delete. `deletes` may be null. */
int elanus_visible_rows(const uint64_t *inserts, uint64_t insert_count, const uint64_t *deletes, uint64_t delete_count,
                        uint64_t row_count, uint64_t timestamp, uint8_t *bits, uint64_t bit_bytes, elanus_error *error);
/* Reads the first rows once, front to back, and adds up their 64-bit words: what memory gives one thread. */
int elanus_read_probe(elanus_rows rows, uint64_t row_count, uint64_t *sum, elanus_error *error);

/* ---- the machine */

/* Threads that the pool runs jobs with; the cores at first. 1 to 1,024. Takes effect as running pieces end. */
int elanus_set_threads(uint32_t threads, elanus_error *error);
uint32_t elanus_threads(void);
/* "avx512", "avx2", "neon" or "portable"; the environment's ELANUS_ISA names a lesser one. Fails if that is not to be had here. */
int elanus_instruction_set(const char **name, elanus_error *error);
/* For jobs that start from now on. */
int elanus_use_instruction_set(const char *name, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
