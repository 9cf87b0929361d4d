// A file that is being written under another name.
//
// Always true: a file has its name only when it is whole and flushed, its folder too. What is not finished is removed.
#pragma once
#include <cstdint>
#include <string>

namespace elanus {

class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path);   // throws Failure, as all of it does
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  const std::string& path() const { return path_; }
  void write(const void* bytes, uint64_t count, uint64_t offset);
  // `bytes`: how long the file is, zeros where nothing was written.
  void finish(uint64_t bytes);

 private:
  const std::string path_, unfinished_;
  int file_;
};

}  // namespace elanus
