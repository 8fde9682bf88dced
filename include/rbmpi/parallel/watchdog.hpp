#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Finds out which rank keeps the others waiting for ever: one that was stopped, whose node or network is gone, or that
/// hangs in a phase of its own (core/liveness.hpp says what a rank does). MPI cannot tell, and only its main thread may
/// ask it anything; so every rank has a thread that answers questions of the others by UDP, whatever its main thread
/// does, and that asks them when its own rank has waited for others for `hang_timeout` without a sign of life.
///
/// A rank that does not answer, or neither waits nor shows life for `hang_timeout`, is found; as long as any other rank
/// still works, however long, nothing is said. Time in which the whole job was stopped does not count.
class Watchdog {
 public:
  /// Called once at most, on the watchdog's thread; it ends the job and must not throw. `message` says which rank
  /// hangs and where. The lowest rank that still waits is called first; the others a few seconds later, in case that
  /// did not end them, with an empty message.
  using OnHang = std::function<void(const std::string& message)>;

  /// Collective over `world`, which need not outlive the watchdog. A timeout of 0, or one rank: nothing is
  /// watched. Takes milliseconds.
  Watchdog(const Communicator& world, std::chrono::milliseconds hang_timeout, OnHang on_hang);
  /// Local.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Local, the same on all ranks. Why nothing is watched although it was wished, such as a network that lets no UDP
  /// through; empty if all is well.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
  std::string problem_;
};

}  // namespace rbmpi
