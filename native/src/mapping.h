// A file of an index, mapped whole for reading, with a page of zeros behind its end, so that code which reads some bytes too far meets
// memory. Counted as `mapped`: the system takes such memory back when it needs it.
//
// Always true: the mapping outlives the file's name. It does not outlive its bytes: whoever writes to the file, or cuts it, changes what
// is read here after it was checked, or ends the process. Files of indexes are never written again, so only a foreign hand can do that.
#pragma once
#include <cstdint>

namespace elanus {

class FileMapping {
 public:
  FileMapping(int file, uint64_t bytes, const char* path);   // throws Failure
  ~FileMapping();
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;

  // Not to be written to.
  unsigned char* at(uint64_t offset) const { return (unsigned char*)start_ + offset; }

 private:
  void* start_;
  const uint64_t bytes_;
  uint64_t reserved_;
};

}  // namespace elanus
