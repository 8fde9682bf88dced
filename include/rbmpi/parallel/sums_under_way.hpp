#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Who forms sums that are under way: `messages` of ours, in stages (`sum_stages`), or `mpi`, by MPI_Iallreduce.
enum class SumsBy { messages, mpi };

/// Collective. The variable of the environment of rank 0 by which the user has told the MPI library how MPI_Iallreduce
/// should work, such as OMPI_MCA_coll_libnbc_iallreduce_algorithm, MPIR_CVAR_IALLREDUCE_INTRA_ALGORITHM or
/// I_MPI_ADJUST_IALLREDUCE: whoever has set it wants MPI's own sums. Empty if there is none.
[[nodiscard]] std::string iallreduce_setting(const Communicator& ranks);

/// Local. The numbers of ranks in the stages by which `ranks` ranks sum with messages; their product is `ranks`. In a
/// stage of n ranks each gives the n-th part of what it has to sum to every other one, and so sums one of n parts;
/// after the last stage they give each other the sums, in as many stages. What is chosen has few messages, and few that
/// go one after the other.
[[nodiscard]] std::vector<int> sum_stages(int ranks);

/// Sums over ranks that go on while the ranks compute. MPI moves on only inside its calls, so `progress` is called now
/// and then. With `messages`, all ranks get the same bits, on a given number of ranks the same each time, and nothing
/// is allocated once the object is made. Move-only. It must not be destroyed while a sum is under way.
class SumsUnderWay {
 public:
  /// Local. For rounds of up to `most` sums of up to `longest` bytes over `ranks`, which must live on: all are started,
  /// then all waited for. `by` must be the same on all ranks.
  SumsUnderWay(const Communicator& ranks, SumsBy by, std::size_t most, std::size_t longest, Arena& memory);
  ~SumsUnderWay();
  SumsUnderWay(SumsUnderWay&& other) noexcept;
  SumsUnderWay& operator=(SumsUnderWay&& other) noexcept;
  SumsUnderWay(const SumsUnderWay&) = delete;
  SumsUnderWay& operator=(const SumsUnderWay&) = delete;

  /// Collective, in the same order on all ranks. Begins the element-wise sum of `values` over the ranks, in place, as
  /// Communicator::sum; nobody may touch them until `wait` has returned. At most `most_values`.
  static constexpr std::size_t most_values = std::size_t{1} << 30U;
  void start(std::span<float> values);
  void start(std::span<std::int64_t> values);
  /// Local.
  void progress();
  /// Collective. Returns when the oldest of the sums that were started is there.
  void wait();

  /// Local. Takes the room for what arrives, as the constructor does, over so many ranks.
  static std::span<std::byte> take_room(int ranks, std::size_t most, std::size_t longest, Arena& memory);

  class Way;

 private:
  std::unique_ptr<Way> way_;  // none for a rank alone
};

}  // namespace rbmpi
