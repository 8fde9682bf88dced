#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace rbmpi {

/// How a child process runs.
struct ChildOptions {
  /// What a crash of the child means; the message becomes "cannot <doing>: <on_crash> (<how it ended>)".
  std::string on_crash = "the process for it crashed";
  /// Seconds of processor time without a sign of life (rbmpi/core/liveness.hpp) after which the child is ended; 0: no
  /// limit.
  unsigned cpu_seconds = 0;
  /// The child may take no more memory than the machine has left.
  bool limit_memory = true;
  /// The child ends its work although this process is killed meanwhile, and no signal to this process or its group
  /// reaches it. Otherwise it ends with this process.
  bool outlives_parent = false;
};

/// Local. Forks, runs `work` in the child and gives its result, bytes of any length. `doing` completes "cannot ...",
/// such as "read 'a.h5'".
///
/// What `work` throws is thrown here: an Error with its failure and message, any other exception as
/// Error(Failure::other). A child that crashes, or takes more processor time than it may, is an Error(Failure::file);
/// one that was killed, or refused a page of memory (SIGBUS), an Error(Failure::other). If this process is asked to
/// stop (rbmpi/core/interruption.hpp), the child is asked as well, and ended if it is not done within a few seconds:
/// Error(Failure::interrupted). What the child prints on its standard output comes in order; its standard error goes
/// nowhere, because only a crashing library writes there.
///
/// It is meant for libraries that can be made to crash by the file that they read. Fork and not exec, because the work
/// can so be any function, takes its arguments as they are and can fill memory that both share, and because a new
/// program would have to find its own executable and start MPI or pretend not to. A fork has the one thread that called
/// it, so `work` must call neither MPI nor OpenMP, whose other threads are not there, and no other thread may be inside
/// a library with locks or state that `work` uses (HDF5), nor call this function at the same time. Memory allocation is
/// safe, the C library sees to that. The child leaves by _exit: it neither runs destructors of static objects nor
/// MPI_Finalize, and closes no connection of this process.
[[nodiscard]] std::string run_in_child(const std::string& doing, const std::function<std::string()>& work,
                                       const ChildOptions& options = {});

/// A child process that does one piece of work after the other while this process goes on, as that of run_in_child does
/// one: what is said there of the work, of its exceptions and of its end holds here. It answers requests in their
/// order, does not hear the signals that ask this process to stop, and ends with this object. Every method is Local.
class ChildServer {
 public:
  using Request = std::array<std::uint64_t, 12>;  ///< what `work` makes of them

  /// Forks. `doing` and `options` are those of run_in_child; `outlives_parent` means nothing here.
  ChildServer(std::string doing, const std::function<void(const Request&)>& work, ChildOptions options = {});
  ~ChildServer();
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  /// Asks for work, without waiting for it. At most `most_unanswered` may be without an answer.
  void ask(const Request& request);
  static constexpr std::size_t most_unanswered = 1024;
  /// Requests without an answer.
  [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_; }
  /// Waits for the answer to the oldest of them: what the work was to do is done. Throws what it threw.
  void wait();

 private:
  struct Process;
  std::string doing_;
  ChildOptions options_;
  std::unique_ptr<Process> process_;
  std::size_t unanswered_ = 0;
};

}  // namespace rbmpi
