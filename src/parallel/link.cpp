#include "rbmpi/parallel/link.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <mpi.h>

#include "parallel/handles.hpp"
#include "parallel/mpi_check.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds that so many messages of `bytes` bytes take, to and fro at the same time: the median. Many on their way at a
/// time: a single one does not fill a link in both directions.
double seconds_of(std::size_t messages, std::size_t bytes, std::size_t times, int other, MPI_Comm ranks) {
  const std::vector<std::byte> mine(messages * bytes);
  std::vector<std::byte> theirs(messages * bytes);
  std::vector<MPI_Request> requests(2 * messages);
  std::vector<double> seconds;
  const auto count = static_cast<int>(bytes);
  const WaitingForOthers waiting;
  for (std::size_t time = 0; time <= times; ++time) {
    const Clock::time_point begin = Clock::now();
    for (std::size_t i = 0; i < messages; ++i) {
      check_mpi(MPI_Irecv(theirs.data() + i * bytes, count, MPI_BYTE, other, 0, ranks, &requests[i]), "MPI_Irecv");
    }
    for (std::size_t i = 0; i < messages; ++i) {
      check_mpi(MPI_Isend(mine.data() + i * bytes, count, MPI_BYTE, other, 0, ranks, &requests[messages + i]),
                "MPI_Isend");
    }
    check_mpi(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
    // The first time opens the connection.
    if (time > 0) seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

}  // namespace

Link Link::measure(const Communicator& ranks) {
  Link link;
  if (ranks.rank() < 2) {
    constexpr std::size_t messages = 64;
    constexpr std::size_t bytes = 60000;
    MPI_Comm communicator = ranks.handle_->communicator;
    const int other = 1 - ranks.rank();
    link.latency = seconds_of(1, 8, 200, other, communicator);
    link.bandwidth = double{messages * bytes} / seconds_of(messages, bytes, 10, other, communicator);
  }
  ranks.broadcast(std::as_writable_bytes(std::span(&link, 1)));
  return link;
}

}  // namespace rbmpi
