#include "graph.h"
#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>
#include "random.h"

namespace elanus {

namespace {

constexpr float alpha = 1.05f;   // more keeps more long edges and longer lists; 1.2 gave no better graphs
constexpr uint32_t most_of_batch = 1000;
constexpr uint32_t most_landmarks = 256, least_landmarks = 16;
constexpr uint32_t most_in_turn = 4;
constexpr uint32_t looks_a_slot = 8;   // neighbours of neighbours that are looked at for each slot to be filled

}  // namespace

Graph::Graph(uint32_t rows, uint32_t dims, uint32_t degree, uint32_t beam)
    : codes((size_t)rows * dims, Owner::build), terms(rows, Owner::build), rows_(rows), dims_(dims), degree_(degree), beam_(std::max(beam, degree)),
      stride_(stride_of(degree)), neighbours_((size_t)rows * stride_, Owner::build), degrees_(rows, Owner::build), hashes_(rows, Owner::build), sketches_((size_t)rows * sketch_bytes(dims), Owner::build) {}

Graph::Graph(const Memory& m, uint32_t capacity, uint32_t dims, uint32_t degree, uint32_t beam)
    : codes(Buffer<int8_t>::view(m.codes, (size_t)capacity * dims)), terms(Buffer<CodeTerms>::view(m.terms, capacity)), rows_(0), dims_(dims),
      degree_(degree), beam_(std::max(beam, degree)), stride_(stride_of(degree)),
      neighbours_(Buffer<uint32_t>::view(m.lists, (size_t)capacity * stride_)), degrees_(Buffer<uint16_t>::view(m.degrees, capacity)),
      hashes_(Buffer<uint64_t>::view(m.hashes, capacity)), sketches_(Buffer<uint8_t>::view(m.sketches, (size_t)capacity * sketch_bytes(dims))) {}

bool Graph::are_twins(uint32_t a, uint32_t b) const {
  return terms[a].ratio == terms[b].ratio && !std::memcmp(codes.data() + (size_t)a * dims_, codes.data() + (size_t)b * dims_, dims_);
}

void Graph::encoded(uint32_t row, bool placed) {
  const int8_t* at = codes.data() + (size_t)row * dims_;
  uint64_t hash = 0;
  for (uint32_t i = 0; i < dims_; i += 8) {
    uint64_t word;
    std::memcpy(&word, at + i, sizeof word);
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  hashes_[row] = (hash & ~1ull) | placed;
  const CodeRows all = code_rows();
  table().graph.sketch(&all, row, row + 1, sketches_.data() + (size_t)row * sketch_bytes(dims_));
}

void Graph::chain_twins(uint64_t seed) {
  std::vector<std::pair<uint64_t, uint32_t>> hashes(rows_);
  for (uint32_t row = 0; row < rows_; ++row) hashes[row] = {hashes_[row], row};
  hashes_ = {};
  std::sort(hashes.begin(), hashes.end());
  order.reserve(rows_);
  for (size_t i = 0; i < hashes.size(); ++i) {
    const auto [hash, row] = hashes[i];
    // Two sets of codes with one hash may alternate here; then a row is taken for the first of its kind, which does no harm.
    if (i && hashes[i - 1].first == hash && are_twins(hashes[i - 1].second, row)) {
      if (next_twin.empty()) next_twin.assign(rows_, no_row);
      next_twin[hashes[i - 1].second] = row;
    } else if (hash & 1) {
      order.push_back(row);
    }
  }
  std::sort(order.begin(), order.end());
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[next_random(seed) % i]);
}

uint32_t Graph::next_batch() const { return (uint32_t)std::min<size_t>({order.size() - inserted, inserted / 16 + 1, most_of_batch}); }

// Rows of a batch see the same graph in whatever order they are linked. Two landmarks, the nearest and the next, say where a row is.
uint32_t Graph::begin_batch(Scratch& s) {
  const uint32_t count = next_batch();
  batch.assign(order.begin() + inserted, order.begin() + inserted + count);
  const uint32_t landmarks = std::min(most_landmarks, inserted);
  if (landmarks < least_landmarks) return count;
  const CodeRows all = code_rows();
  s.distances.resize(landmarks);
  std::vector<std::pair<uint64_t, uint32_t>> places;
  for (const uint32_t row : batch) {
    const CodeQuery query = as_query(row);
    table().graph.distances(&query, &all, order.data(), landmarks, s.distances.data());
    uint32_t nearest = 0, next = 1;
    if (s.distances[1] < s.distances[0]) std::swap(nearest, next);
    for (uint32_t j = 2; j < landmarks; ++j)
      if (s.distances[j] < s.distances[nearest]) next = std::exchange(nearest, j);
      else if (s.distances[j] < s.distances[next]) next = j;
    places.push_back({(uint64_t)nearest << 32 | next, row});
  }
  std::sort(places.begin(), places.end());
  for (uint32_t i = 0; i < count; ++i) batch[i] = places[i].second;
  return count;
}

void Graph::set_list(uint32_t row, const uint32_t* neighbours, uint32_t count) {
  uint32_t* list = own_list(row);
  if (count < stride_) __atomic_store_n(list + count, no_row, __ATOMIC_RELAXED);
  for (uint32_t i = 0; i < count; ++i) __atomic_store_n(list + i, neighbours[i], __ATOMIC_RELAXED);
  degrees_[row] = (uint16_t)count;
}

void Graph::begin_walk(uint32_t row, Scratch& s) const {
  s.begin(rows_, beam_, 1);
  s.begin_walk(code_rows(), as_query(row), entries.data(), (uint32_t)entries.size());
}

bool Graph::step_walk(uint32_t row, Scratch& s) const {
  const CodeRows all = code_rows();
  const Lists graph = lists();
  const CodeQuery query = as_query(row);
  if (table().graph.step_walk(&s.walk, &graph, &all, &query)) return true;
  for (uint32_t i = 0; i < s.frontier.size; ++i) s.frontier.row[i] &= ~taken;
  return false;
}

void Graph::link(const uint32_t* rows, uint32_t count, Lender& lender) {
  struct Walker {
    Borrowed scratch;
    uint32_t row = no_row;
    explicit Walker(Lender& lender) : scratch(lender) {}
  };
  std::array<std::optional<Walker>, most_in_turn> walkers;
  uint32_t next = 0, walking = 0;
  auto start = [&](Walker& walker) {
    if (next == count) {
      walker.row = no_row;
      --walking;
    } else {
      begin_walk(walker.row = rows[next++], *walker.scratch);
    }
  };
  for (auto& walker : walkers)
    if (next < count) {
      ++walking;
      start(walker.emplace(lender));
    }
  const CodeRows all = code_rows();
  while (walking)
    for (auto& walker : walkers) {
      if (!walker || walker->row == no_row || step_walk(walker->row, *walker->scratch)) continue;
      Scratch& s = *walker->scratch;
      s.kept.resize(degree_);
      set_list(walker->row, s.kept.data(), table().graph.choose(&all, walker->row, s.frontier.distance, s.frontier.row, s.frontier.size, degree_, alpha, s.kept.data()));
      start(*walker);
    }
}

void Graph::gather_edges(const uint32_t* batch, uint32_t count) {
  edges.clear();
  targets.clear();
  for (uint32_t i = 0; i < count; ++i)
    for (uint32_t j = 0; j < degrees_[batch[i]]; ++j) edges.push_back((uint64_t)list(batch[i])[j] << 32 | batch[i]);
  std::sort(edges.begin(), edges.end());
  for (size_t i = 0; i < edges.size(); ++i)
    if (!i || edges[i] >> 32 != edges[i - 1] >> 32) targets.push_back((uint32_t)i);
  targets.push_back((uint32_t)edges.size());
}

// When there is no room, the best of all of them stay.
void Graph::merge(uint32_t number, Scratch& s) {
  const uint32_t first = targets[number], count = targets[number + 1] - first;
  const uint32_t target = (uint32_t)(edges[first] >> 32), have = degrees_[target];
  s.numbers.assign(list(target), list(target) + have);
  // A batch that was cancelled half way is merged again.
  for (uint32_t i = 0; i < count; ++i)
    if (const uint32_t source = (uint32_t)edges[first + i]; std::find(s.numbers.begin(), s.numbers.begin() + have, source) == s.numbers.begin() + have)
      s.numbers.push_back(source);
  if (s.numbers.size() <= stride_) set_list(target, s.numbers.data(), (uint32_t)s.numbers.size());
  else keep_best(target, s);
}

void Graph::keep_best(uint32_t row, Scratch& s) {
  const CodeRows all = code_rows();
  const CodeQuery query = as_query(row);
  const uint32_t count = (uint32_t)s.numbers.size();
  s.distances.resize(count);
  table().graph.distances(&query, &all, s.numbers.data(), count, s.distances.data());
  std::vector<std::pair<float, uint32_t>> candidates(count);
  for (uint32_t i = 0; i < count; ++i) candidates[i] = {s.distances[i], s.numbers[i]};
  std::sort(candidates.begin(), candidates.end());
  for (uint32_t i = 0; i < count; ++i) {
    s.distances[i] = candidates[i].first;
    s.numbers[i] = candidates[i].second;
  }
  s.kept.resize(degree_);
  const uint32_t kept = table().graph.choose(&all, row, s.distances.data(), s.numbers.data(), count, degree_, alpha, s.kept.data());
  set_list(row, s.kept.data(), kept);
}

void Graph::batch_done(uint32_t count) {
  inserted += count;
  choose_entries();
}

// Spread evenly over what is inserted, that is, at random; chosen anew whenever that has doubled.
void Graph::choose_entries() {
  if (inserted < 2 * entries_chosen_at_ || !inserted) return;
  entries_chosen_at_ = inserted;
  entries.resize(std::min(most_entries, inserted));
  for (size_t i = 0; i < entries.size(); ++i) entries[i] = order[i * inserted / entries.size()];
}

void Graph::trim(uint32_t row, Scratch& s) {
  if (degrees_[row] <= degree_) return;
  s.numbers.assign(list(row), list(row) + degrees_[row]);
  keep_best(row, s);
}

void Graph::fill_slots(uint32_t row, uint32_t slots, uint32_t* neighbours, Scratch& s) const {
  const uint32_t have = degrees_[row];
  std::fill(std::copy_n(list(row), have, neighbours), neighbours + slots, no_row);
  if (have == slots || !have) return;
  s.begin(rows_, 1, 1);
  s.first_time(row);
  for (uint32_t i = 0; i < have; ++i) s.first_time(neighbours[i]);
  s.numbers.clear();
  for (uint32_t i = 0; i < have && s.numbers.size() < looks_a_slot * (slots - have); ++i)
    for (uint32_t j = 0; j < degrees_[neighbours[i]]; ++j)
      if (const uint32_t other = list(neighbours[i])[j]; s.first_time(other)) s.numbers.push_back(other);
  const CodeRows all = code_rows();
  const CodeQuery query = as_query(row);
  s.distances.resize(s.numbers.size());
  table().graph.distances(&query, &all, s.numbers.data(), (uint32_t)s.numbers.size(), s.distances.data());
  std::vector<std::pair<float, uint32_t>> candidates(s.numbers.size());
  for (size_t i = 0; i < candidates.size(); ++i) candidates[i] = {s.distances[i], s.numbers[i]};
  const size_t more = std::min<size_t>(slots - have, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + (ptrdiff_t)more, candidates.end());
  for (size_t i = 0; i < more; ++i) neighbours[have + i] = candidates[i].second;
}

bool Graph::connect(Scratch& s, const std::function<bool()>& stopped) {
  std::vector<bool> reached(rows_);
  std::vector<uint32_t> stack;
  uint32_t visits = 0;
  auto reach = [&](uint32_t from) {
    reached[from] = true;
    stack.push_back(from);
    while (!stack.empty()) {
      if (++visits % 4096 == 0 && stopped()) return false;
      const uint32_t row = stack.back();
      stack.pop_back();
      for (uint32_t j = 0; j < degrees_[row]; ++j) {
        const uint32_t next = list(row)[j];
        if (reached[next]) continue;
        reached[next] = true;
        stack.push_back(next);
      }
    }
    return true;
  };
  auto append = [&](uint32_t row, uint32_t neighbour) {
    uint32_t* own = own_list(row);
    own[degrees_[row]++] = neighbour;
    if (degrees_[row] < stride_) own[degrees_[row]] = no_row;
  };
  for (const uint32_t entry : entries)
    if (!reached[entry] && !reach(entry)) return false;
  const CodeRows all = code_rows();
  for (const uint32_t row : order) {
    if (reached[row]) continue;
    if (stopped()) return false;
    begin_walk(row, s);
    while (step_walk(row, s)) {
    }
    // Whatever the walk found is reached. The nearest with room takes the row; if none has, the nearest gives up its last neighbour,
    // which the row takes over.
    uint32_t host = no_row;
    for (uint32_t i = 0; i < s.frontier.size && host == no_row; ++i)
      if (degrees_[s.frontier.row[i]] < degree_) host = s.frontier.row[i];
    if (host != no_row) {
      append(host, row);
    } else {
      host = s.frontier.row[0];
      uint32_t& last = own_list(host)[degrees_[host] - 1];
      if (degrees_[row] == degree_) own_list(row)[degree_ - 1] = last;
      else append(row, last);
      last = row;
    }
    if (!reach(row)) return false;
  }
  return true;
}

}  // namespace elanus
