#include "unfinished_file.h"
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include "failure.h"

namespace elanus {

namespace {
constexpr uint64_t part_bytes = 4 << 20;
}

UnfinishedFile::UnfinishedFile(std::string path)
    : path_(std::move(path)), unfinished_(path_ + ".part"), file_(::open(unfinished_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (file_ < 0) fail(ELANUS_FILE, "cannot write %.180s: %s", unfinished_.c_str(), std::strerror(errno));
}

UnfinishedFile::~UnfinishedFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(unfinished_.c_str());
}

void UnfinishedFile::write(const void* bytes, uint64_t count, uint64_t offset) {
  for (uint64_t done = 0; done < count;) {
    const ssize_t some = pwrite(file_, (const char*)bytes + done, std::min(count - done, part_bytes), (off_t)(offset + done));
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) fail(ELANUS_FILE, "cannot write %.180s: %s", unfinished_.c_str(), std::strerror(some ? errno : ENOSPC));
    done += (uint64_t)some;
  }
}

void UnfinishedFile::finish(uint64_t bytes) {
  auto require = [&](bool good) {
    if (!good) fail(ELANUS_FILE, "cannot finish %.180s: %s", path_.c_str(), std::strerror(errno));
  };
  require(!ftruncate(file_, (off_t)bytes) && !fsync(file_));
  require(!std::rename(unfinished_.c_str(), path_.c_str()));
  ::close(file_);
  file_ = -1;
  const size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(directory >= 0);
  const bool kept = !fsync(directory);
  ::close(directory);
  require(kept);
}

}  // namespace elanus
