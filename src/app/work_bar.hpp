#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "app/configuration.hpp"
#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/parallel/communicator.hpp"

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

/// What `work(progress)` gives, a bar of this name showing how far it is: on the root, the others have nothing to show.
/// Collective or Local as the work.
template <typename Work>
auto with_bar(ProgressStyle style, std::string name, const Communicator& world, const Work& work) {
  std::optional<WorkBar> bar;
  if (world.is_root()) bar.emplace(style, std::move(name));
  return work(bar ? ProgressReport([&](double done) { bar->show(done); }) : ProgressReport());
}

}  // namespace rbmpi
