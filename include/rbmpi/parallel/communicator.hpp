#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

/// An error that every rank of the communicator throws at the same place: nobody waits for anybody, so the program can
/// leave in good order and print it once. A plain Error outside `Communicator::agree` may be one rank's alone.
class AgreedError : public Error {
 public:
  using Error::Error;
};

/// Starts MPI (MPI_THREAD_FUNNELED: only the main thread calls it) and ends it in good order. One per program, made
/// before the first Communicator. Collective over all processes of the job. Where the system does not let processes
/// read each other's memory, as in many containers, Open MPI is told so in the environment (docs/design.md).
class MpiEnvironment {
 public:
  MpiEnvironment(int& argc, char**& argv);
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  /// Local. "Open MPI 4.1.4".
  [[nodiscard]] static std::string library_version();
  /// Ends every rank of the job at once with this exit code. For the unforeseen only: see `Communicator::agree`.
  [[noreturn]] static void abort(int exit_code) noexcept;
};

/// A group of ranks that talk to each other: an MPI communicator with its own message space. A default-constructed one
/// is the group of this process alone, and works without MPI. Errors of MPI end the job (MPI's default), because
/// there is nobody left to tell. Move-only.
class Communicator {
 public:
  /// Local. This process alone: rank 0 of 1.
  Communicator() noexcept = default;
  /// Collective over the job. All ranks of the job.
  [[nodiscard]] static Communicator world();

  ~Communicator();
  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  /// Local.
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  [[nodiscard]] bool is_root() const noexcept { return rank_ == 0; }

  /// Collective. Ranks that give the same colour form a group, in the order of their ranks here.
  [[nodiscard]] Communicator split(int colour) const;
  /// Collective. Groups of ranks that share memory; with ranks_per_node > 0 each of them is cut into simulated nodes of
  /// that many ranks, so that the paths between nodes can be tried on one machine.
  [[nodiscard]] Communicator split_by_node(int ranks_per_node) const;

  /// Collective. Element-wise sum over the ranks, in place, and in practice equal on all ranks. Float sums have no
  /// defined order: only exact sums (docs/numerics.md) are the same on every number of ranks. Any length.
  void sum(std::span<float> values) const;
  void sum(std::span<double> values) const;
  void sum(std::span<std::int64_t> values) const;
  /// Collective. The largest value of any rank.
  [[nodiscard]] std::int64_t maximum(std::int64_t value) const;
  /// Collective. The bytes of rank `root` go to every rank. Any length.
  void broadcast(std::span<std::byte> bytes, int root = 0) const;
  /// Collective. A text of rank `root`, on every rank.
  [[nodiscard]] std::string broadcast(const std::string& text, int root = 0) const;
  /// Collective. The bytes of all ranks, in the order of the ranks, go to the root, where `all` has room for them. Any
  /// lengths.
  void gather(std::span<const std::byte> mine, std::span<std::byte> all) const;
  /// Collective. The other way round: of the root's bytes each rank gets the next ones, as many as `mine` has room for.
  void scatter(std::span<const std::byte> all, std::span<std::byte> mine) const;
  /// Collective.
  void barrier() const;
  /// Collective. A barrier for long waits: who waits sleeps, and leaves its core to the ranks that work.
  void sleeping_barrier() const;

  /// Collective. Runs `local` on every rank; if it throws on any of them, every rank throws an AgreedError with the
  /// message and failure of the lowest such rank; it says which rank that was, if not all ranks failed. A failure of
  /// one rank is so a failure of all, none waits for another, and the program prints it once. `local` must not
  /// communicate.
  void agree(const std::function<void()>& local) const;
  /// Collective. The same for something that only the root does, such as writing a file.
  void agree_on_root(const std::function<void()>& local) const;

 private:
  friend class SumsUnderWay;
  friend struct Link;
  struct Handle;
  explicit Communicator(Handle* handle);
  [[nodiscard]] std::vector<std::uint64_t> lengths_of_ranks(std::uint64_t mine) const;
  Handle* handle_ = nullptr;  // owns an MPI_Comm; null for this process alone
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace rbmpi
