// The kernel's own threads: never libuv's, which files and fsync share.
//
// Work is cut into pieces. A thread takes one piece of the work in front and puts that work behind the others of its class, so
// that a small search does not wait for a large one. Searches go first; when other work has waited for many pieces it gets one.
//
// Builds have threads of their own, which the system puts behind all others: whoever wakes takes the core of a build at once, in the
// middle of a piece. A build begins no piece while there is work for all threads, unless it was kept from one for `build_patience`.
//
// Always true:
//  - a piece runs without any lock of the pool; at most `most_waiting` works wait;
//  - no more than the wanted threads have pieces, but for pieces of builds that began before a search came, and one every `build_patience`.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>

namespace elanus {

enum class WorkClass { search, other, build };

class Work {
 public:
  virtual ~Work() = default;
  // Under the pool's lock: the next piece, if any is left; *more tells whether there is another one after it.
  virtual bool claim(uint64_t* piece, bool* more) = 0;
  // Returns true if pieces have become claimable that were not before.
  virtual bool run(uint64_t piece) = 0;
};

constexpr uint32_t most_waiting = 16384;
constexpr uint32_t most_threads = 1024;
constexpr auto build_patience = std::chrono::milliseconds(20);

void submit(std::shared_ptr<Work> work, WorkClass kind);   // throws Failure if too many wait
void set_threads(uint32_t threads);
uint32_t thread_count();

}  // namespace elanus
