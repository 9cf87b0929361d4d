/*
 * Filters: a byte code run over columns, to a bit a row.
 *
 * A program is a tree in words of 32 bits, every node before its operands:
 *
 *   node      operation | words of the node << 8, operands, nodes of the operands
 *   constant  0, value                                              TRUE or FALSE for every row
 *   and or    1 or 2, nodes                                         one or more, three-valued
 *   not       3, node
 *   valid     4, column                                             TRUE where there is a value, else FALSE
 *   integers  5, column, outside, place                             lower <= x <= upper (int64 at 8 * place), or not that
 *   floats    6, column, outside, place                             the same with doubles; NaN as an end: no row
 *   integer set   7, column, place, count                           int64 values
 *   float set     8, column, place, count                           doubles; 0 is -0, NaN is nothing
 *   integer math  9, column, operator, outside, place               operand, lower, upper; 64 bits, wrapping; / towards zero
 *   float math   10, column, operator, outside, place               rounded to float where the column is one; no remainder
 *   number pair  11, column, column, comparison                     integers exactly, else as doubles
 *   text pair    12, column, column, comparison                     bytes in their order
 *   text range   13, column, flags, byte, length, byte, length      flags: 1 has a lower end, 2 which counts, 4, 8 the same of the upper
 *   text set     14, column, byte, count                            count + 1 offsets of 32 bits at `byte`, then the bytes
 *   like         15, column, byte, count                            units of 16 bits: a byte, -1 one character, -2 any run
 *   place range  16, column, flags, place                           int64 lower, upper, double lower, upper; flags: 1 outside,
 *                                                                   2 integers by the integer ends
 *   place text   17, column, node of a text                         the text where there is one
 *   place class  18, column, TRUE classes, known classes, by valid  sets of classes; by valid: known are rows with a document
 *   place set    19, column, place, count three times               int64 values; doubles; all of them as doubles: integers are
 *                                                                   looked for in the first two, doubles in the last
 *   place math   20, column, operator, flags, place                 operand, operand as double, then as place range; flags: 1
 *                                                                   outside, 2 integer ends, 4 integer operand
 *   merge        21, nodes                                          TRUE where one is, known where one is
 *   lengths      22, column of arrays, outside, place               lower <= count of elements <= upper
 *   element      23, column of arrays, index, node                  the node over the elements at this index
 *   holder       24, column of arrays, node                         TRUE where the node is TRUE of an element, else FALSE
 *   place holder 25, column, nodes                                  TRUE where the place holds an array and a node is TRUE of one of
 *                                                                   its elements, else FALSE
 *   place arrays 26, column, nodes                                  TRUE where it is an array of as many elements as there are nodes,
 *                                                                   each TRUE of its own; UNKNOWN where there is no array
 *   place lengths 27, column, outside, place                        as lengths, of an array at the place
 *   months       28, column, comparison, months, place              a time in microseconds since 1970, so many calendar months later,
 *                                                                   with: days since 1970, microseconds of that day
 *   sample       29, seed, place                                    a hash of the row's number and the seed below the integer
 *   regex        30, column, byte, count                            words of 32 bits: a match is somewhere in the text
 *   box          31, column, place                                  left, bottom, right, top: the box of a geometry in well-known
 *                                                                   binary meets it, or its bytes are damaged
 *   place number 32, column, node 16, 19 or 20                      the node, where texts that are numbers are taken for doubles, and
 *                                                                   others for nothing
 *
 * A regular expression: count of classes, of boundaries, of sets, of instructions; the boundaries, code points that ascend; the class of what
 * is before the first of them, and behind each; the flags of each class, 1 of word characters, 2 of the new line; each set, a bit a class, in whole
 * words; the instructions, three words each:
 *
 *   match 0   character 1, set   split 2, instruction, instruction   jump 3, instruction
 *   assert 4, at: 0 the text's start, 1 its end, 2 and 3 a line's, 4 the border of a word, 5 none
 *
 * Below an element and a holder stand nodes 5 to 10, 13 to 15 and 30, over a column of elements; below a place holder nodes 16 to 20 and 26, over
 * its own column.
 *
 * `place` counts in 8 bytes of the constants, `byte` in bytes. Operators: + - * / % & | ^ from 0. Comparisons: == != < <= > >=
 * from 0. Leaves are UNKNOWN where the column has no value, or a place holds a value of another class.
 *
 * Always true: whatever the words are, nothing outside the given buffers is read; a program that is none is refused. Offsets of
 * texts are looked at before they are followed.
 */
#ifndef ELANUS_FILTER_H
#define ELANUS_FILTER_H

#include "elanus_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ELANUS_COLUMN_BOOL = 1, /* bytes, 0 or 1 */
  ELANUS_COLUMN_INT8 = 2,
  ELANUS_COLUMN_INT16 = 3,
  ELANUS_COLUMN_INT32 = 4,
  ELANUS_COLUMN_INT64 = 5,
  ELANUS_COLUMN_FLOAT = 10,
  ELANUS_COLUMN_DOUBLE = 11,
  ELANUS_COLUMN_TEXT = 21,
  ELANUS_COLUMN_ARRAY = 22, /* where the elements of each row begin, in a column of elements */
  ELANUS_COLUMN_PLACE = 23, /* what stands at one place of each document of a column */
  ELANUS_COLUMN_ANY = 100   /* nothing but `valid` is there */
};

/* With a type up to TEXT: the elements of arrays, of all rows end to end, none of them null. */
#define ELANUS_COLUMN_ELEMENTS 256u

/* Classes of the value at a place. */
enum {
  ELANUS_CLASS_MISSING = 0,
  ELANUS_CLASS_NULL = 1,
  ELANUS_CLASS_FALSE = 2,
  ELANUS_CLASS_TRUE = 3,
  ELANUS_CLASS_INTEGER = 4, /* below 2^53 */
  ELANUS_CLASS_WIDE = 5,    /* other int64 */
  ELANUS_CLASS_DOUBLE = 6,
  ELANUS_CLASS_TEXT = 7,
  ELANUS_CLASS_ESCAPED = 8, /* a text with backslashes */
  ELANUS_CLASS_ARRAY = 9,
  ELANUS_CLASS_OBJECT = 10,
  ELANUS_CLASS_MALFORMED = 11
};

#define ELANUS_FILTER_DEPTH 128u
#define ELANUS_MAX_PATHS 256u
#define ELANUS_MAX_KEYS 128u

typedef struct elanus_column {
  uint32_t type;
  const void *values; /* numbers; of places one class a row, in a byte */
  uint64_t value_count;
  const uint8_t *valid; /* a byte a row, 0: no value; null: all rows have one */
  uint64_t valid_count;
  const uint32_t *offsets; /* of texts and arrays: one more than rows */
  uint64_t offset_count;
  const uint8_t *bytes; /* of texts; of places: of the documents */
  uint64_t byte_count;
  /* Of places: int64, or the bits of a double, or where text begins in `bytes` and, in the upper half, where it ends. */
  const int64_t *words;
  uint64_t word_count;
} elanus_column;

typedef struct elanus_filter {
  const uint32_t *code;
  uint64_t code_count;
  const uint8_t *constants;
  uint64_t constant_bytes;
  const elanus_column *columns;
  uint64_t column_count;
  uint64_t row_count;
  const uint8_t *wanted; /* one bit a row, or null: the other rows do not pass */
  uint64_t wanted_bytes;
  uint8_t *passing; /* 8 bytes for each started 64 rows; all are written */
  uint64_t passing_bytes;
} elanus_filter;

/* `columns` is copied; what it points to, `code`, `constants` and the bits must live until the end. */
int elanus_filter_start(const elanus_filter *filter, elanus_done done, void *context, elanus_job **job, elanus_error *error);
/* On the calling thread. */
int elanus_filter_run(const elanus_filter *filter, elanus_error *error);

/*
 * What stands at some paths of JSON documents, row by row: a class and a word for each, as a place column has them. Rows without a document
 * are MISSING. A path is keys from the root; of keys that occur twice in an object the first counts; a key of digits is an index too.
 * Whatever the bytes are, reading ends, and within them.
 */
typedef struct elanus_places {
  const uint32_t *offsets; /* one more than rows */
  uint64_t offset_count;
  const uint8_t *bytes;
  uint64_t byte_count;
  const uint8_t *valid; /* a byte a row, or null */
  uint64_t valid_count;
  uint64_t first_row, row_count; /* rows from first_row to row_count are read */
  /* For each path the count of its keys, for each key its length and its bytes; numbers of 32 bits, little-endian. */
  const uint8_t *paths;
  uint64_t path_bytes;
  uint32_t path_count;
  uint8_t *const *classes; /* one array of row_count for each path */
  int64_t *const *words;
} elanus_places;

/* The two lists of arrays are copied. */
int elanus_places_start(const elanus_places *places, elanus_done done, void *context, elanus_job **job, elanus_error *error);
int elanus_places_run(const elanus_places *places, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
