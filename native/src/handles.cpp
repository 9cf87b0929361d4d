#include "handles.h"
#include <mutex>
#include <variant>
#include <vector>
#include "failure.h"

namespace elanus {

namespace {

constexpr uint32_t slot_bits = 24;
constexpr uint64_t most_slots = (uint64_t)1 << slot_bits;
constexpr uint64_t last_generation = ((uint64_t)1 << 28) - 1;

// Nothing while the slot is free.
using Opened =
    std::variant<std::monostate, std::shared_ptr<Rows>, std::shared_ptr<OpenIndex>, std::shared_ptr<GrowingIndex>, std::shared_ptr<Sparse>>;

struct Slot {
  Opened opened;
  uint64_t generation = 1;   // of the handle that is open, or of the next one
  bool open() const { return opened.index() != 0; }
};

struct Handles {
  std::mutex lock;
  std::vector<Slot> slots;
  std::vector<uint32_t> free;
  uint64_t open = 0;
};

// Never destroyed: threads of the pool may still run while the process ends.
Handles& handles() {
  static Handles* all = new Handles;
  return *all;
}

uint64_t open_slot(Opened opened) {
  Handles& all = handles();
  std::lock_guard<std::mutex> hold(all.lock);
  if (all.free.empty()) {
    if (all.slots.size() == most_slots) fail(ELANUS_MEMORY, "all %llu handles are open", (unsigned long long)most_slots);
    all.free.reserve(all.slots.size() + 1);   // so that closing never needs memory
    all.slots.emplace_back();
    all.free.push_back((uint32_t)all.slots.size() - 1);
  }
  const uint32_t number = all.free.back();
  all.free.pop_back();
  Slot& slot = all.slots[number];
  slot.opened = std::move(opened);
  ++all.open;
  return slot.generation << slot_bits | number;
}

template <class T> std::shared_ptr<T> look_up(uint64_t handle) {
  const uint64_t number = handle & (most_slots - 1), generation = handle >> slot_bits;
  Handles& all = handles();
  std::lock_guard<std::mutex> hold(all.lock);
  const bool known = number < all.slots.size() && all.slots[number].generation == generation;
  const auto* found = known ? std::get_if<std::shared_ptr<T>>(&all.slots[number].opened) : nullptr;
  return found ? *found : nullptr;
}

template <class T> std::shared_ptr<T> find(uint64_t handle, const char* name) {
  auto found = look_up<T>(handle);
  if (!found) fail(ELANUS_STALE, "%s handle %llu is not open", name, (unsigned long long)handle);
  return found;
}

}  // namespace

uint64_t open_handle(std::shared_ptr<Rows> rows) { return open_slot(std::move(rows)); }
uint64_t open_handle(std::shared_ptr<OpenIndex> index) { return open_slot(std::move(index)); }
uint64_t open_handle(std::shared_ptr<GrowingIndex> growing) { return open_slot(std::move(growing)); }
uint64_t open_handle(std::shared_ptr<Sparse> sparse) { return open_slot(std::move(sparse)); }

std::shared_ptr<Rows> find_rows(uint64_t handle) { return find<Rows>(handle, "rows"); }
std::shared_ptr<OpenIndex> find_index(uint64_t handle) { return find<OpenIndex>(handle, "index"); }
std::shared_ptr<GrowingIndex> find_growing(uint64_t handle) { return find<GrowingIndex>(handle, "growing graph"); }
std::shared_ptr<Sparse> find_sparse(uint64_t handle) { return find<Sparse>(handle, "sparse"); }

std::shared_ptr<Sparse> sparse_of(uint64_t handle) { return look_up<Sparse>(handle); }

void close_handle(uint64_t handle) {
  const uint64_t number = handle & (most_slots - 1), generation = handle >> slot_bits;
  Opened last;   // freed after the lock is given up: unmapping takes its time
  Handles& all = handles();
  std::lock_guard<std::mutex> hold(all.lock);
  const bool known = number < all.slots.size() && generation >= 1 &&
                     (generation < all.slots[number].generation || (generation == all.slots[number].generation && all.slots[number].open()));
  if (!known) fail(ELANUS_STALE, "%llu never was a handle", (unsigned long long)handle);
  Slot& slot = all.slots[number];
  if (generation != slot.generation) return;
  last.swap(slot.opened);
  --all.open;
  if (++slot.generation <= last_generation) all.free.push_back((uint32_t)number);
}

uint64_t open_handle_count() {
  Handles& all = handles();
  std::lock_guard<std::mutex> hold(all.lock);
  return all.open;
}

}  // namespace elanus
