#pragma once

#include <chrono>
#include <string>

#include "app/configuration.hpp"

namespace rbmpi {

/// Shows on the standard output how much of a long work is done, as a bar that is drawn anew ten times a second, if
/// there is a terminal; else nothing. For the root only.
class WorkBar {
 public:
  WorkBar(ProgressStyle style, std::string work);
  /// Takes the bar off the screen.
  ~WorkBar();
  WorkBar(const WorkBar&) = delete;
  WorkBar& operator=(const WorkBar&) = delete;

  /// `done`: the fraction of the work, from 0 to 1.
  void show(double done);

 private:
  using Clock = std::chrono::steady_clock;

  bool visible_;
  std::string work_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point drawn_;
};

}  // namespace rbmpi
