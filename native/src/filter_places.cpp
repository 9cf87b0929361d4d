#include "filter_places.h"
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>
#include "filter_json.h"
#include "filter_text.h"

namespace elanus {

namespace {

constexpr uint64_t piece_rows = 4096;

// The paths as a tree; a branch of it is a key.
struct Branch {
  std::string key;
  int64_t index = -1;   // as an index of an array, or -1
  int32_t place = -1;   // the path that ends here, or -1
  std::vector<uint32_t> children;
};

int64_t index_of(const std::string& key) {
  if (key.empty() || key.size() > 9 || (key.size() > 1 && key[0] == '0')) return -1;
  int64_t index = 0;
  for (const char c : key) {
    if (c < '0' || c > '9') return -1;
    index = index * 10 + (c - '0');
  }
  return index;
}

class Tree {
 public:
  explicit Tree(const elanus_places& p) : branches_(1) {
    uint64_t at = 0;
    const auto number = [&] {
      uint32_t value;
      if (p.path_bytes - at < 4) fail(ELANUS_INVALID, "a path is cut off");
      std::memcpy(&value, p.paths + at, 4);
      at += 4;
      return value;
    };
    for (uint32_t path = 0; path < p.path_count; ++path) {
      const uint32_t keys = number();
      if (keys > ELANUS_MAX_KEYS) fail(ELANUS_INVALID, "a path of %u keys is too long", keys);
      uint32_t branch = 0;
      for (uint32_t i = 0; i < keys; ++i) {
        const uint32_t size = number();
        if (p.path_bytes - at < size) fail(ELANUS_INVALID, "a path is cut off");
        branch = child(branch, std::string((const char*)p.paths + at, size));
        at += size;
      }
      if (branches_[branch].place >= 0) fail(ELANUS_INVALID, "a path comes twice");
      branches_[branch].place = (int32_t)path;
    }
    if (at != p.path_bytes) fail(ELANUS_INVALID, "bytes are left behind the paths");
  }
  const std::vector<Branch>& branches() const { return branches_; }

 private:
  uint32_t child(uint32_t parent, std::string key) {
    for (const uint32_t known : branches_[parent].children)
      if (branches_[known].key == key) return known;
    const uint32_t made = (uint32_t)branches_.size();
    branches_[parent].children.push_back(made);
    branches_.emplace_back();
    branches_.back().index = index_of(key);
    branches_.back().key = std::move(key);
    return made;
  }
  std::vector<Branch> branches_;
};

void check(const elanus_places& p) {
  if (p.row_count > ELANUS_NO_ROW || p.first_row > p.row_count) fail(ELANUS_INVALID, "rows %llu to %llu are none", (unsigned long long)p.first_row, (unsigned long long)p.row_count);
  if (p.offset_count <= p.row_count || !p.offsets || (p.byte_count && !p.bytes)) fail(ELANUS_INVALID, "there are too few documents");
  if (p.valid && p.valid_count < p.row_count) fail(ELANUS_INVALID, "there are too few marks of documents");
  if (p.path_count > ELANUS_MAX_PATHS || (p.path_bytes && !p.paths)) fail(ELANUS_INVALID, "%u paths are too many", p.path_count);
  if (p.path_count && !(p.classes && p.words)) fail(ELANUS_INVALID, "a buffer is missing");
}

class Places {
 public:
  explicit Places(const elanus_places& places) : plan_(places), tree_((check(places), places)), classes_(places.classes, places.classes + places.path_count), words_(places.words, places.words + places.path_count) {}

  void rows(uint64_t first, uint64_t end) const;
  const elanus_places& plan() const { return plan_; }

 private:
  friend class Row;
  const elanus_places plan_;
  const Tree tree_;
  const std::vector<uint8_t*> classes_;
  const std::vector<int64_t*> words_;
};

// Walks one document after the other; recursion is as deep as the paths.
class Row {
 public:
  explicit Row(const Places& places) : places_(places), branches_(places.tree_.branches()), met_(branches_.size(), ~0ull) {}

  void read(uint64_t row, const uint8_t* start, const uint8_t* limit) {
    row_ = row;
    limit_ = limit;
    remaining_ = places_.plan_.path_count;
    visit(start, 0);
  }

 private:
  const uint8_t* visit(const uint8_t* at, uint32_t number) {
    const Branch& branch = branches_[number];
    if (branch.place < 0) return enter(skip_space(at, limit_), branch);
    const uint8_t* end = read_json(at, limit_, &value_);
    note((uint32_t)branch.place);
    --remaining_;
    if (!branch.children.empty()) enter(skip_space(at, limit_), branch);
    return end;
  }

  void note(uint32_t place) {
    places_.classes_[place][row_] = value_.kind;
    places_.words_[place][row_] = json_word(value_, places_.plan_.bytes);
  }

  const uint8_t* enter(const uint8_t* at, const Branch& branch) {
    const uint8_t first = at < limit_ ? *at : 0;
    return first == '{' ? object(at, branch) : first == '[' ? array(at, branch) : read_json(at, limit_, &value_);
  }

  const uint8_t* object(const uint8_t* open, const Branch& branch) {
    for (const uint8_t* at = open + 1; at < limit_;) {
      at = skip_space(at, limit_);
      if (at >= limit_ || *at == '}') return std::min(at + 1, limit_);
      if (*at == ',') {
        ++at;
        continue;
      }
      if (*at != '"') return limit_;
      at = read_json(at, limit_, &value_);
      const int64_t child = child_of(branch);
      at = skip_space(at, limit_);
      if (at >= limit_ || *at != ':') return limit_;
      if (child < 0) {
        at = read_json(at + 1, limit_, &value_);
      } else {
        met_[(size_t)child] = row_;
        at = visit(at + 1, (uint32_t)child);
        if (!remaining_) return limit_;
      }
    }
    return limit_;
  }

  const uint8_t* array(const uint8_t* open, const Branch& branch) {
    int64_t index = 0;
    for (const uint8_t* at = open + 1; at < limit_;) {
      at = skip_space(at, limit_);
      if (at >= limit_ || *at == ']') return std::min(at + 1, limit_);
      if (*at == ',') {
        ++at;
        ++index;
        continue;
      }
      int64_t child = -1;
      for (const uint32_t candidate : branch.children)
        if (branches_[candidate].index == index) child = candidate;
      if (child < 0) {
        at = read_json(at, limit_, &value_);
      } else {
        at = visit(at, (uint32_t)child);
        if (!remaining_) return limit_;
      }
    }
    return limit_;
  }

  // The child whose key was just read, unless this row had it before.
  int64_t child_of(const Branch& branch) {
    const bool escaped = value_.kind == ELANUS_CLASS_ESCAPED;
    const uint32_t size = (uint32_t)(value_.end - value_.start);
    if (escaped && !unescape(value_.start, size, &text_)) return -1;
    for (const uint32_t child : branch.children) {
      if (met_[child] == row_) continue;
      const std::string& key = branches_[child].key;
      if (escaped ? key == text_ : key.size() == size && (!size || !std::memcmp(key.data(), value_.start, size))) return child;
    }
    return -1;
  }

  const Places& places_;
  const std::vector<Branch>& branches_;
  std::vector<uint64_t> met_;
  uint64_t row_ = 0;
  const uint8_t* limit_ = nullptr;
  uint32_t remaining_ = 0;
  JsonValue value_;
  std::string text_;
};

void Places::rows(uint64_t first, uint64_t end) const {
  for (size_t path = 0; path < classes_.size(); ++path) {
    std::memset(classes_[path] + first, ELANUS_CLASS_MISSING, end - first);
    std::memset(words_[path] + first, 0, (end - first) * 8);
  }
  if (classes_.empty()) return;
  Row row(*this);
  for (uint64_t i = first; i < end; ++i) {
    if (plan_.valid && !plan_.valid[i]) continue;
    const uint32_t start = plan_.offsets[i], stop = plan_.offsets[i + 1];
    if (start > stop || stop > plan_.byte_count) fail(ELANUS_INVALID, "the offsets of documents are in no order");
    if (start < stop) row.read(i, plan_.bytes + start, plan_.bytes + stop);
  }
}

class PlacesJob final : public Job {
 public:
  PlacesJob(const elanus_places& places, elanus_done done, void* context) : Job(done, context), places_(places) {
    set_pieces(std::max<uint64_t>(1, (places.row_count - places.first_row + piece_rows - 1) / piece_rows));
  }

 protected:
  void work(uint64_t piece) override {
    const uint64_t first = places_.plan().first_row + piece * piece_rows;
    places_.rows(first, std::min(first + piece_rows, places_.plan().row_count));
  }
  Round settle(uint64_t*) override { return stopped() ? Round::interrupted : Round::complete; }
  void let_go() override {}

 private:
  const Places places_;
};

}  // namespace

std::shared_ptr<Job> make_places(const elanus_places& places, elanus_done done, void* context) { return std::make_shared<PlacesJob>(places, done, context); }

void run_places(const elanus_places& places) { Places(places).rows(places.first_row, places.row_count); }

}  // namespace elanus
