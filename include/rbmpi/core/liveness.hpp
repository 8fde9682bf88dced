#pragma once

#include <cstdint>

namespace rbmpi {

// What this process is doing, written by its main thread for whoever watches over it (parallel/watchdog). All of it is
// Local, takes nanoseconds, allocates nothing and may be called in any thread; but work in the background must not
// say what the process does. A child process (run_in_child) that the main
// thread waits for gives its signs of life for it; the first call of all must come before the child is made.

/// A sign of life: from now on the process does `what`, such as "computing the gradient": a phrase with static storage.
void now_doing(const char* what) noexcept;

/// A sign of life from within something that takes long, whatever the process was said to be doing. The one that work
/// in the background may give as well: it ends with the work. To a child whose processor time is limited
/// (ChildOptions::cpu_seconds) any sign of life gives that time anew, and this one so many `seconds` more, for
/// something that may take them without another sign.
void still_at_work(double seconds = 0) noexcept;

/// While it lives, the process waits for other ranks, in what it was last said to be doing. Begin and end are signs of
/// life.
class WaitingForOthers {
 public:
  WaitingForOthers() noexcept;
  ~WaitingForOthers();
  WaitingForOthers(const WaitingForOthers&) = delete;
  WaitingForOthers& operator=(const WaitingForOthers&) = delete;
};

/// What was said last, and how many signs of life there were in all. The three values need not be of one instant.
struct SignsOfLife {
  const char* doing = "starting";
  std::uint64_t beats = 0;
  bool waiting = false;
};
[[nodiscard]] SignsOfLife signs_of_life() noexcept;

}  // namespace rbmpi
