#include "pool.h"
#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include "failure.h"

namespace elanus {

namespace {

constexpr uint32_t patience = 32;   // search pieces that go before other work that waits

class Pool {
 public:
  Pool() : wanted_(std::clamp(std::thread::hardware_concurrency(), 1u, most_threads)) {}

  void submit(std::shared_ptr<Work> work, WorkClass kind) {
    {
      std::lock_guard<std::mutex> hold(lock_);
      if (waiting() >= most_waiting) fail(ELANUS_BUSY, "%u jobs wait for the kernel already", most_waiting);
      start_threads();
      queues_[(size_t)kind].push_back(std::move(work));
    }
    wake_.notify_all();
  }

  void set_threads(uint32_t threads) {
    {
      std::lock_guard<std::mutex> hold(lock_);
      wanted_ = threads;
      if (running_) start_threads();
    }
    wake_.notify_all();
  }

  uint32_t threads() {
    std::lock_guard<std::mutex> hold(lock_);
    return wanted_;
  }

 private:
  size_t waiting() const { return queues_[0].size() + queues_[1].size(); }

  void start_threads() {
    while (running_ < wanted_) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error&) {
        if (running_) return;   // fewer will do
        fail(ELANUS_MEMORY, "the system gives no thread");
      }
      ++running_;
    }
  }

  std::deque<std::shared_ptr<Work>>& front_queue() {
    auto& [searches, others] = queues_;
    const bool other = searches.empty() || (!others.empty() && in_a_row_ >= patience);
    in_a_row_ = other ? 0 : in_a_row_ + 1;
    return other ? others : searches;
  }

  void serve() {
    std::unique_lock<std::mutex> hold(lock_);
    for (;;) {
      wake_.wait(hold, [this] { return waiting() || running_ > wanted_; });
      if (running_ > wanted_) {
        --running_;
        return;
      }
      auto& queue = front_queue();
      std::shared_ptr<Work> work = std::move(queue.front());
      queue.pop_front();
      uint64_t piece = 0;
      bool more = false;
      const bool claimed = work->claim(&piece, &more);
      if (more) queue.push_back(work);
      hold.unlock();
      const bool again = claimed && work->run(piece);
      hold.lock();
      if (again) {
        queue.push_back(std::move(work));
        wake_.notify_all();
      }
      // The last reference may free rows: not under the lock.
      hold.unlock();
      work.reset();
      hold.lock();
    }
  }

  std::mutex lock_;
  std::condition_variable wake_;
  std::array<std::deque<std::shared_ptr<Work>>, 2> queues_;
  uint32_t wanted_, running_ = 0, in_a_row_ = 0;
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
