// A file of sections: a page that says what is in it, then sections, each on a page of its own. Kinds of indexes besides the graph use it.
//
//      0  magic, 8 bytes: the kind
//      8  version u32           12  section count u32
//     16  sections  16 x { crc32c u32, zero u32, offset u64, bytes u64 }, those that are not there: zeros
//    400  about, bytes of the kind's own, up to 3,692
//   4092  crc32c of bytes 0 .. 4091
//   4096  sections in their order; zeros between a section and the next page
//
// Always true: a file has its name only when it is whole and flushed. A reader believes nothing: the page, places and sizes, and every
// section are checked before their use; what the numbers in them mean is checked by the kind. A failure names the file and the section.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include "memory.h"
#include "open_index.h"
#include "unfinished_file.h"

namespace elanus {

constexpr uint64_t section_page = 4096;
constexpr uint32_t most_sections = 16;
constexpr uint32_t most_about_bytes = 3692;

// What a kind of file is called, and what its sections are.
struct SectionNames {
  char magic[9];
  uint32_t version;
  std::vector<const char*> sections;
};

struct SectionSource {
  const void* data;
  uint64_t bytes;
};

class SectionWriter {
 public:
  // What the sources point at must stay until the file is written.
  SectionWriter(std::string path, const SectionNames& names, const void* about, uint32_t about_bytes, std::vector<SectionSource> sources);

  bool write_some();   // a few megabytes; false when the file is whole and has its name. Throws Failure.
  double share() const { return end_ ? (double)at_ / (double)end_ : 1; }

 private:
  void finish();

  UnfinishedFile file_;
  std::vector<SectionSource> sources_;
  unsigned char page_[section_page] = {};
  uint32_t section_ = 0, crc_ = 0;
  uint64_t done_ = 0, at_ = section_page, end_ = section_page;
};

class SectionReader {
 public:
  SectionReader(std::string path, const SectionNames& names, bool mapped);   // reads and checks the page; throws Failure
  ~SectionReader();
  SectionReader(const SectionReader&) = delete;
  SectionReader& operator=(const SectionReader&) = delete;

  // Throws Failure unless the page's own bytes are as many.
  template <class T> T about() const {
    T value;
    copy_about(&value, sizeof value);
    return value;
  }
  uint64_t bytes(uint32_t section) const;
  uint64_t file_bytes() const { return file_bytes_; }
  const std::string& path() const { return path_; }
  void require(bool good, const char* what) const;                       // throws Failure that names the file
  void require_size(uint32_t section, uint64_t bytes) const;             // and the section
  void require_section(uint32_t section, bool good) const;               // "holds an impossible number"
  void into(uint32_t section, void* memory) { memory_[section] = memory; }   // before `read_some`, with room for all its bytes
  // The section's elements, in memory that is read into, or where they are mapped; some bytes behind them may be read too.
  template <class T> Buffer<T> take(uint32_t section, uint64_t bytes_behind = 0) {
    const uint64_t count = bytes(section) / sizeof(T);
    if (mapping_) {
      mapped_bytes_ += bytes(section);
      return Buffer<T>::view((T*)mapping_->at(offset(section)), count);
    }
    Buffer<T> buffer(count + bytes_behind / sizeof(T), Owner::index);
    into(section, buffer.data());
    return buffer;
  }
  void give(OpenIndex& index) const {   // what it was made of
    index.mapping = mapping_;
    index.mapped_bytes = mapped_bytes_;
  }
  bool read_some();   // a few megabytes; false when all is read and its checksums agree

 private:
  uint64_t offset(uint32_t section) const;
  void read(void* to, uint64_t count, uint64_t offset);
  void check_page();
  void copy_about(void* to, uint32_t bytes) const;

  const std::string path_;
  const SectionNames& names_;
  unsigned char page_[section_page];
  std::vector<void*> memory_;
  int file_ = -1;
  uint32_t section_ = 0, crc_ = 0;
  uint64_t done_ = 0, file_bytes_ = 0, mapped_bytes_ = 0;
  std::shared_ptr<const FileMapping> mapping_;
};

}  // namespace elanus
