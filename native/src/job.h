// A job: work for the pool with one end. Its last piece ends it, or a failure, or a cancellation once no piece runs any more.
//
// Always true:
//  - `done` is called exactly once, and afterwards nothing of the caller's is touched;
//  - a cancelled job starts no piece, and a running piece looks at `stopped()` before each block;
//  - what a subclass holds (rows above all) is let go at the end, even if the pool or the caller keeps the job longer.
#pragma once
#include <atomic>
#include <mutex>
#include "../include/elanus_kernel.h"
#include "failure.h"
#include "pool.h"

namespace elanus {

class Job : public Work {
 public:
  Job(elanus_done done, void* context) : done_(done), context_(context) {}

  bool claim(uint64_t* piece, bool* more) final;
  bool run(uint64_t piece) final;
  void cancel();
  double progress() const { return progress_.load(std::memory_order_relaxed); }   // from 0 to 1, for those jobs that tell

 protected:
  void set_progress(double share) { progress_.store(share, std::memory_order_relaxed); }
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  // Before the job is submitted; 1 or more.
  void set_pieces(uint64_t pieces) { pieces_ = pieces; }
  virtual void work(uint64_t piece) = 0;
  // When all pieces have run, alone: settles the round. `again` has set the number of pieces of the next one.
  enum class Round { complete, again, interrupted };
  virtual Round settle(uint64_t* pieces) = 0;
  virtual void let_go() = 0;
  // Whether there is nothing left to cancel: a file that has its name stays, and its build ends well.
  virtual bool is_made() const { return false; }

 private:
  void end(int status, const char* text);
  void note(const Failure& failure);

  const elanus_done done_;
  void* const context_;
  std::atomic<bool> stopped_ = false;
  std::atomic<double> progress_ = 0;
  std::mutex lock_;
  uint64_t pieces_ = 0, next_ = 0, finished_ = 0, running_ = 0;
  bool ended_ = false;
  Failure failure_ = {ELANUS_OK, {}};
};

}  // namespace elanus
