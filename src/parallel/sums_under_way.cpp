#include "rbmpi/parallel/sums_under_way.hpp"

#include <cassert>
#include <vector>

#include <mpi.h>

#include "parallel/handles.hpp"
#include "parallel/mpi_check.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {

struct SumsUnderWay::Requests {
  MPI_Comm communicator = MPI_COMM_NULL;  // not owned; null for a process alone
  std::vector<MPI_Request> requests;      // those of the sums that were started
  std::size_t oldest = 0;
};

SumsUnderWay::SumsUnderWay(const Communicator& ranks, std::size_t most) : requests_(std::make_unique<Requests>()) {
  if (ranks.size() > 1) requests_->communicator = ranks.handle_->communicator;
  requests_->requests.reserve(most);
}

SumsUnderWay::~SumsUnderWay() = default;
SumsUnderWay::SumsUnderWay(SumsUnderWay&& other) noexcept = default;
SumsUnderWay& SumsUnderWay::operator=(SumsUnderWay&& other) noexcept = default;

void SumsUnderWay::start(std::span<float> values) {
  assert(requests_->requests.size() < requests_->requests.capacity());
  assert(values.size() <= largest_count);
  MPI_Request& request = requests_->requests.emplace_back(MPI_REQUEST_NULL);
  if (requests_->communicator == MPI_COMM_NULL) return;
  check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT, MPI_SUM,
                           requests_->communicator, &request),
            "MPI_Iallreduce");
}

void SumsUnderWay::progress() {
  if (requests_->oldest == requests_->requests.size()) return;
  int done = 0;  // that request is asked about again by `wait`
  check_mpi(MPI_Request_get_status(requests_->requests[requests_->oldest], &done, MPI_STATUS_IGNORE),
            "MPI_Request_get_status");
}

void SumsUnderWay::wait() {
  assert(requests_->oldest < requests_->requests.size());
  const WaitingForOthers waiting;
  check_mpi(MPI_Wait(&requests_->requests[requests_->oldest], MPI_STATUS_IGNORE), "MPI_Wait");
  if (++requests_->oldest < requests_->requests.size()) return;
  requests_->requests.clear();
  requests_->oldest = 0;
}

}  // namespace rbmpi
