#include "rbmpi/parallel/sums_under_way.hpp"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <string_view>

#include <mpi.h>
#include <unistd.h>

#include "parallel/handles.hpp"
#include "parallel/message_sums.hpp"
#include "parallel/mpi_check.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

/// Sums by MPI_Iallreduce.
class LibrarySums : public SumsUnderWay::Way {
 public:
  LibrarySums(MPI_Comm ranks, std::size_t most) : ranks_(ranks) { requests_.reserve(most); }

  void start(std::span<float> values) override { start_sum(values); }
  void start(std::span<std::int64_t> values) override { start_sum(values); }

  void progress() override {
    if (oldest_ == requests_.size()) return;
    int done = 0;  // that request is asked about again by `wait`
    check_mpi(MPI_Request_get_status(requests_[oldest_], &done, MPI_STATUS_IGNORE), "MPI_Request_get_status");
  }

  void wait() override {
    assert(oldest_ < requests_.size());
    const WaitingForOthers waiting;
    check_mpi(MPI_Wait(&requests_[oldest_], MPI_STATUS_IGNORE), "MPI_Wait");
    if (++oldest_ < requests_.size()) return;
    requests_.clear();
    oldest_ = 0;
  }

 private:
  template <typename Value>
  void start_sum(std::span<Value> values) {
    assert(requests_.size() < requests_.capacity());
    MPI_Request& request = requests_.emplace_back(MPI_REQUEST_NULL);
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), datatype(values.data()),
                             MPI_SUM, ranks_, &request),
              "MPI_Iallreduce");
  }

  MPI_Comm ranks_;                     // not owned
  std::vector<MPI_Request> requests_;  // those of the sums that were started
  std::size_t oldest_ = 0;
};

}  // namespace

std::string iallreduce_setting(const Communicator& ranks) {
  std::string set;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view whole = *variable;
    const std::string_view name = whole.substr(0, whole.find('='));
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (upper.find("IALLREDUCE") != std::string::npos && name.size() + 1 < whole.size()) set = name;
  }
  return ranks.broadcast(set);
}

SumsUnderWay::SumsUnderWay(const Communicator& ranks, SumsBy by, std::size_t most, std::size_t longest, Arena& memory) {
  if (ranks.size() == 1) return;
  if (by == SumsBy::mpi) {
    way_ = std::make_unique<LibrarySums>(ranks.handle_->communicator, most);
  } else {
    way_ = std::make_unique<MessageSums>(ranks.handle_->communicator, most, longest,
                                         take_room(ranks.size(), most, longest, memory));
  }
}

SumsUnderWay::~SumsUnderWay() = default;
SumsUnderWay::SumsUnderWay(SumsUnderWay&& other) noexcept = default;
SumsUnderWay& SumsUnderWay::operator=(SumsUnderWay&& other) noexcept = default;

void SumsUnderWay::start(std::span<float> values) {
  assert(values.size() <= largest_count);
  if (way_) way_->start(values);
}

void SumsUnderWay::start(std::span<std::int64_t> values) {
  assert(values.size() <= largest_count);
  if (way_) way_->start(values);
}

void SumsUnderWay::progress() {
  if (way_) way_->progress();
}

void SumsUnderWay::wait() {
  if (way_) way_->wait();
}

}  // namespace rbmpi
