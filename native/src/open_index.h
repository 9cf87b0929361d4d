// What every open index is to handles: a kind, and the rows beside it. What is known of a kind stands in its own header.
#pragma once
#include <cstdint>
#include <memory>
#include "mapping.h"
#include "rows.h"

namespace elanus {

enum class IndexKind : uint32_t { graph, lists, slim, postings, bands };

struct OpenIndex {
  explicit OpenIndex(IndexKind kind) : kind(kind) {}
  virtual ~OpenIndex() = default;
  OpenIndex(const OpenIndex&) = delete;
  OpenIndex& operator=(const OpenIndex&) = delete;

  virtual uint64_t indexed_rows() const = 0;

  const IndexKind kind;
  std::shared_ptr<Rows> rows;                    // null: they are sparse
  std::shared_ptr<const FileMapping> mapping;   // null: the file was read
  uint64_t mapped_bytes = 0;                    // of its sections that are used where they lie
};

// Reads a file of one kind, a few megabytes at a time.
class IndexFileReader {
 public:
  virtual ~IndexFileReader() = default;
  virtual bool read_some() = 0;   // false when all is read and checked; throws Failure
  virtual std::shared_ptr<OpenIndex> result() = 0;
};

}  // namespace elanus
