#include "section_file.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "dispatch.h"
#include "failure.h"

namespace elanus {

namespace {

constexpr uint64_t part_bytes = 4 << 20;
constexpr size_t crc_at = section_page - 4, entries_at = 16, about_at = 400;

struct Entry {
  uint32_t crc, zero;
  uint64_t offset, bytes;
};
static_assert(entries_at + most_sections * sizeof(Entry) == about_at && about_at + most_about_bytes == crc_at);

uint64_t on_page(uint64_t at) { return (at + section_page - 1) / section_page * section_page; }

Entry entry_of(const unsigned char* page, uint32_t section) {
  Entry entry;
  std::memcpy(&entry, page + entries_at + section * sizeof entry, sizeof entry);
  return entry;
}
void set_entry(unsigned char* page, uint32_t section, const Entry& entry) { std::memcpy(page + entries_at + section * sizeof entry, &entry, sizeof entry); }

uint32_t word_at(const unsigned char* page, size_t at) {
  uint32_t word;
  std::memcpy(&word, page + at, sizeof word);
  return word;
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------------- writing

SectionWriter::SectionWriter(std::string path, const SectionNames& names, const void* about, uint32_t about_bytes, std::vector<SectionSource> sources)
    : file_(std::move(path)), sources_(std::move(sources)) {
  if (about_bytes > most_about_bytes || sources_.size() != names.sections.size() || sources_.size() > most_sections)
    fail(ELANUS_INTERNAL, "the sections of %.180s do not fit their page", file_.path().c_str());
  const uint32_t count = (uint32_t)sources_.size();
  std::memcpy(page_, names.magic, 8);
  std::memcpy(page_ + 8, &names.version, 4);
  std::memcpy(page_ + 12, &count, 4);
  std::memcpy(page_ + about_at, about, about_bytes);
  for (uint32_t i = 0; i < count; ++i) {
    set_entry(page_, i, {0, 0, end_, sources_[i].bytes});
    end_ = on_page(end_ + sources_[i].bytes);
  }
}

bool SectionWriter::write_some() {
  if (section_ == sources_.size()) {
    finish();
    return false;
  }
  const SectionSource& source = sources_[section_];
  Entry entry = entry_of(page_, section_);
  const uint64_t some = std::min(source.bytes - done_, part_bytes);
  if (some) {
    const char* from = (const char*)source.data + done_;
    crc_ = table().graph.crc32c(crc_, from, some);
    file_.write(from, some, entry.offset + done_);
  }
  done_ += some;
  at_ = entry.offset + done_;
  if (done_ < source.bytes) return true;
  entry.crc = crc_;
  set_entry(page_, section_++, entry);
  done_ = crc_ = 0;
  return true;
}

void SectionWriter::finish() {
  const uint32_t crc = table().graph.crc32c(0, page_, crc_at);
  std::memcpy(page_ + crc_at, &crc, sizeof crc);
  file_.write(page_, section_page, 0);
  file_.finish(end_);
}

// ----------------------------------------------------------------------------------------------------------------- reading

SectionReader::SectionReader(std::string path, const SectionNames& names, bool mapped) : path_(std::move(path)), names_(names), memory_(names.sections.size()) {
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) fail(ELANUS_FILE, "cannot open %.180s: %s", path_.c_str(), std::strerror(errno));
  try {
    check_page();
    if (mapped) mapping_ = std::make_shared<FileMapping>(file_, file_bytes_, path_.c_str());
  } catch (...) {
    ::close(file_);
    throw;
  }
}

SectionReader::~SectionReader() { ::close(file_); }

void SectionReader::require(bool good, const char* what) const {
  if (!good) fail(ELANUS_FILE, "%.150s cannot be used: %s", path_.c_str(), what);
}

void SectionReader::require_size(uint32_t section, uint64_t bytes) const {
  if (this->bytes(section) != bytes) fail(ELANUS_FILE, "the section \"%s\" of %.140s has not its size", names_.sections[section], path_.c_str());
}

void SectionReader::require_section(uint32_t section, bool good) const {
  if (!good) fail(ELANUS_FILE, "the section \"%s\" of %.140s holds an impossible number", names_.sections[section], path_.c_str());
}

void SectionReader::check_page() {
  struct stat status {};
  if (fstat(file_, &status)) fail(ELANUS_FILE, "cannot ask about %.180s: %s", path_.c_str(), std::strerror(errno));
  if (!S_ISREG(status.st_mode) || status.st_size < (off_t)section_page) fail(ELANUS_FILE, "%.180s is no index file: it is too short", path_.c_str());
  file_bytes_ = (uint64_t)status.st_size;
  read(page_, section_page, 0);
  if (std::memcmp(page_, names_.magic, 8)) fail(ELANUS_FILE, "%.180s is no index file of this kind", path_.c_str());
  if (word_at(page_, crc_at) != table().graph.crc32c(0, page_, crc_at)) fail(ELANUS_FILE, "the header of %.180s is damaged", path_.c_str());
  if (word_at(page_, 8) != names_.version) fail(ELANUS_FILE, "%.150s cannot be used: its version %u is not known here", path_.c_str(), word_at(page_, 8));
  require(word_at(page_, 12) == names_.sections.size(), "it has not its sections");
  uint64_t at = section_page;
  for (uint32_t i = 0; i < names_.sections.size(); ++i) {
    const Entry entry = entry_of(page_, i);
    if (entry.zero || entry.offset != at || entry.bytes > file_bytes_ || at > file_bytes_ || on_page(entry.bytes) > file_bytes_ - at)
      fail(ELANUS_FILE, "the section \"%s\" of %.140s has not its size or place", names_.sections[i], path_.c_str());
    at = on_page(at + entry.bytes);
  }
  require(at == file_bytes_, "it has not its size");
}

uint64_t SectionReader::bytes(uint32_t section) const { return entry_of(page_, section).bytes; }
uint64_t SectionReader::offset(uint32_t section) const { return entry_of(page_, section).offset; }

void SectionReader::copy_about(void* to, uint32_t bytes) const {
  std::memcpy(to, page_ + about_at, bytes);
  for (size_t i = about_at + bytes; i < crc_at; ++i) require(!page_[i], "its header says more than is known here");
}

void SectionReader::read(void* to, uint64_t count, uint64_t offset) {
  for (uint64_t done = 0; done < count;) {
    const ssize_t some = pread(file_, (char*)to + done, count - done, (off_t)(offset + done));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) fail(ELANUS_FILE, "cannot read %.180s: %s", path_.c_str(), std::strerror(errno));
    if (!some) fail(ELANUS_FILE, "%.180s has become shorter", path_.c_str());
    done += (uint64_t)some;
  }
}

bool SectionReader::read_some() {
  if (section_ == names_.sections.size()) return false;
  const Entry entry = entry_of(page_, section_);
  const uint64_t some = std::min(entry.bytes - done_, part_bytes);
  if (some) {
    const void* at;
    if (char* to = (char*)memory_[section_]) {
      read(to + done_, some, entry.offset + done_);
      at = to + done_;
    } else {
      at = mapping_->at(entry.offset + done_);
    }
    crc_ = table().graph.crc32c(crc_, at, some);
  }
  done_ += some;
  if (done_ < entry.bytes) return true;
  if (crc_ != entry.crc) fail(ELANUS_FILE, "the section \"%s\" of %.140s is damaged", names_.sections[section_], path_.c_str());
  done_ = crc_ = 0;
  return ++section_ < names_.sections.size();
}

}  // namespace elanus
