#include "pool.h"
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include "background.h"
#include "failure.h"

namespace elanus {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t patience = 32;   // search pieces that go before other work that waits

class Pool {
 public:
  Pool() : wanted_(std::clamp(std::thread::hardware_concurrency(), 1u, most_threads)) {}

  void submit(std::shared_ptr<Work> work, WorkClass kind) {
    Crew& crew = kind == WorkClass::build ? builders_ : servers_;
    {
      std::lock_guard<std::mutex> hold(lock_);
      if (waiting() >= most_waiting) fail(ELANUS_BUSY, "%u jobs wait for the kernel already", most_waiting);
      start_threads(servers_);   // first, and not by a thread that has stepped back: they would inherit that
      if (kind == WorkClass::build) start_threads(builders_);
      queue(kind).push_back(std::move(work));
    }
    crew.wake.notify_all();
  }

  void set_threads(uint32_t threads) {
    {
      std::lock_guard<std::mutex> hold(lock_);
      wanted_ = threads;
      for (Crew* crew : {&servers_, &builders_})
        if (crew->running) start_threads(*crew);
    }
    servers_.wake.notify_all();
    builders_.wake.notify_all();
  }

  uint32_t threads() {
    std::lock_guard<std::mutex> hold(lock_);
    return wanted_;
  }

 private:
  using Works = std::deque<std::shared_ptr<Work>>;
  struct Crew {
    std::condition_variable wake;
    uint32_t running = 0, working = 0;   // threads, and those of them that have a piece
  };

  Works& queue(WorkClass kind) { return queues_[(size_t)kind]; }
  size_t to_serve() { return queue(WorkClass::search).size() + queue(WorkClass::other).size(); }
  size_t waiting() { return to_serve() + queue(WorkClass::build).size(); }
  bool has_room() {
    return !to_serve() && servers_.working + builders_.working < wanted_;
  }

  void start_threads(Crew& crew) {
    while (crew.running < wanted_) {
      try {
        std::thread([this, &crew] {
          if (&crew == &builders_) build();
          else serve();
        }).detach();
      } catch (const std::system_error&) {
        if (crew.running) return;   // fewer will do
        fail(ELANUS_MEMORY, "the system gives no thread");
      }
      ++crew.running;
    }
  }

  Works& front_queue() {
    Works &searches = queue(WorkClass::search), &others = queue(WorkClass::other);
    const bool other = searches.empty() || (!others.empty() && in_a_row_ >= patience);
    in_a_row_ = other ? 0 : in_a_row_ + 1;
    return other ? others : searches;
  }

  void serve() {
    std::unique_lock<std::mutex> hold(lock_);
    for (;;) {
      servers_.wake.wait(hold, [this] { return to_serve() || servers_.running > wanted_; });
      if (servers_.running > wanted_) break;
      run_piece(front_queue(), servers_, hold);
      if (!queue(WorkClass::build).empty() && has_room()) builders_.wake.notify_one();
    }
    --servers_.running;
  }

  void build() {
    step_back();
    Works& builds = queue(WorkClass::build);
    std::unique_lock<std::mutex> hold(lock_);
    for (;;) {
      builders_.wake.wait(hold, [&] { return !builds.empty() || builders_.running > wanted_; });
      if (builders_.running > wanted_) break;
      const auto now = Clock::now();
      if (!has_room() && now < last_built_ + build_patience) {
        builders_.wake.wait_until(hold, last_built_ + build_patience);
        continue;
      }
      last_built_ = now;
      run_piece(builds, builders_, hold);
    }
    --builders_.running;
  }

  // A piece of the work in front, which goes behind the others.
  void run_piece(Works& queue, Crew& crew, std::unique_lock<std::mutex>& hold) {
    std::shared_ptr<Work> work = std::move(queue.front());
    queue.pop_front();
    uint64_t piece = 0;
    bool more = false;
    const bool claimed = work->claim(&piece, &more);
    if (more) queue.push_back(work);
    ++crew.working;
    hold.unlock();
    const bool again = claimed && work->run(piece);
    hold.lock();
    if (again) {
      queue.push_back(std::move(work));
      crew.wake.notify_all();
    }
    // The last reference may free rows: not under the lock.
    hold.unlock();
    work.reset();
    hold.lock();
    --crew.working;
  }

  std::mutex lock_;
  Crew servers_, builders_;
  std::array<Works, 3> queues_;
  uint32_t wanted_, in_a_row_ = 0;
  Clock::time_point last_built_;
};

// Never destroyed: its threads run until the process ends.
Pool& pool() {
  static Pool* one = new Pool;
  return *one;
}

}  // namespace

void submit(std::shared_ptr<Work> work, WorkClass kind) { pool().submit(std::move(work), kind); }

void set_threads(uint32_t threads) {
  if (threads < 1 || threads > most_threads) fail(ELANUS_INVALID, "%u threads are not in 1..%u", threads, most_threads);
  pool().set_threads(threads);
}

uint32_t thread_count() { return pool().threads(); }

}  // namespace elanus
