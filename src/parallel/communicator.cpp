#include "rbmpi/parallel/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <mpi.h>

#include "parallel/handles.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/plugins.hpp"
#include "parallel/single_copy.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(Failure::other, fmt::format("{} failed: {}", call, text));
}

namespace {

/// While it lives, and unless the user has set them, variables that make Open MPI start a process without mpirun by
/// itself. Otherwise it starts a daemon beside it, for others that the process might start (MPI_Comm_spawn), which
/// nobody does here: that takes longer than most commands, and keeps their terminal should it hang. And it makes a
/// folder, which by itself would have the same name for all processes, so that one removes that of another. And UCX,
/// the way to fast networks, would measure the clock of the processor for 0.2 s, for messages that nobody sends.
class AloneWithoutMpirun {
 public:
  AloneWithoutMpirun() {
    for (const char* const of_launcher : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
      if (std::getenv(of_launcher) != nullptr) return;
    }
    for (const auto& [name, value] : {std::pair{"OMPI_MCA_ess_singleton_isolated", "1"},
                                      {"OMPI_MCA_orte_create_session_dirs", "0"},
                                      {"OMPI_MCA_pml", "ob1"}}) {
      if (std::getenv(name) == nullptr && setenv(name, value, 0) == 0) set_.push_back(name);
    }
  }
  ~AloneWithoutMpirun() {
    for (const char* const name : set_) unsetenv(name);  // an mpirun that this process starts must not see them
  }
  AloneWithoutMpirun(const AloneWithoutMpirun&) = delete;
  AloneWithoutMpirun& operator=(const AloneWithoutMpirun&) = delete;

 private:
  std::vector<const char*> set_;
};

}  // namespace

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) {
  const AloneWithoutMpirun alone;
  choose_single_copy();
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED) {
    throw Error(Failure::other, "this MPI library allows no threads (MPI_THREAD_FUNNELED is needed)");
  }
  keep_plugins();
}

MpiEnvironment::~MpiEnvironment() {
  MPI_Finalize();
}

std::string MpiEnvironment::library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  // Open MPI: "Open MPI v4.1.4, package: ..."; others write lines. The first item is the name and the version.
  const std::string whole(text, static_cast<std::size_t>(length));
  std::string name = whole.substr(0, whole.find_first_of(",\n"));
  if (const auto v = name.find(" v"); v != std::string::npos) name.erase(v + 1, 1);
  return name;
}

void MpiEnvironment::abort(int exit_code) noexcept {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

Communicator::Communicator(Handle* handle) : handle_(handle) {
  check_mpi(MPI_Comm_rank(handle_->communicator, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(handle_->communicator, &size_), "MPI_Comm_size");
}

Communicator Communicator::world() {
  auto handle = std::make_unique<Handle>();
  const WaitingForOthers waiting;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &handle->communicator), "MPI_Comm_dup");
  return Communicator(handle.release());
}

Communicator::~Communicator() {
  // MPI_Comm_free is collective by the standard's word, but only releases what is local here: nothing is waited for. At
  // the end of the program MPI may be gone already.
  if (handle_ == nullptr) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Comm_free(&handle_->communicator);
  delete handle_;
}

Communicator::Communicator(Communicator&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      rank_(std::exchange(other.rank_, 0)),
      size_(std::exchange(other.size_, 1)) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  Communicator moved(std::move(other));
  std::swap(handle_, moved.handle_);
  std::swap(rank_, moved.rank_);
  std::swap(size_, moved.size_);
  return *this;
}

Communicator Communicator::split(int colour) const {
  if (handle_ == nullptr) return {};
  auto part = std::make_unique<Handle>();
  const WaitingForOthers waiting;
  check_mpi(MPI_Comm_split(handle_->communicator, colour, rank_, &part->communicator), "MPI_Comm_split");
  return Communicator(part.release());
}

Communicator Communicator::split_by_node(int ranks_per_node) const {
  if (handle_ == nullptr) return {};
  auto shared = std::make_unique<Handle>();
  {
    const WaitingForOthers waiting;
    check_mpi(
        MPI_Comm_split_type(handle_->communicator, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &shared->communicator),
        "MPI_Comm_split_type");
  }
  Communicator node(shared.release());
  return ranks_per_node > 0 ? node.split(node.rank() / ranks_per_node) : std::move(node);
}

namespace {

template <typename Value>
void sum_in_pieces(std::span<Value> values, MPI_Datatype type, MPI_Comm communicator) {
  for (std::size_t first = 0; first < values.size(); first += largest_count) {
    const std::size_t count = std::min(largest_count, values.size() - first);
    const WaitingForOthers waiting;
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, static_cast<int>(count), type, MPI_SUM, communicator),
              "MPI_Allreduce");
  }
}

}  // namespace

void Communicator::sum(std::span<float> values) const {
  if (size_ > 1) sum_in_pieces(values, MPI_FLOAT, handle_->communicator);
}

void Communicator::sum(std::span<double> values) const {
  if (size_ > 1) sum_in_pieces(values, MPI_DOUBLE, handle_->communicator);
}

void Communicator::sum(std::span<std::int64_t> values) const {
  if (size_ > 1) sum_in_pieces(values, MPI_INT64_T, handle_->communicator);
}

std::int64_t Communicator::maximum(std::int64_t value) const {
  if (size_ > 1) {
    const WaitingForOthers waiting;
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, handle_->communicator), "MPI_Allreduce");
  }
  return value;
}

namespace {

/// Calls send(first, count) for so many bytes, in messages that MPI can count. Others are waited for meanwhile.
template <typename Send>
void for_each_message(std::size_t bytes, const Send& send) {
  for (std::size_t first = 0; first < bytes; first += largest_count) {
    const WaitingForOthers waiting;
    send(first, static_cast<int>(std::min(largest_count, bytes - first)));
  }
}

}  // namespace

void Communicator::broadcast(std::span<std::byte> bytes, int root) const {
  if (size_ == 1) return;
  for_each_message(bytes.size(), [&](std::size_t first, int count) {
    check_mpi(MPI_Bcast(bytes.data() + first, count, MPI_BYTE, root, handle_->communicator), "MPI_Bcast");
  });
}

std::string Communicator::broadcast(const std::string& text, int root) const {
  if (size_ == 1) return text;
  std::uint64_t length = text.size();
  broadcast(std::as_writable_bytes(std::span(&length, 1)), root);
  std::string copy = text;
  copy.resize(length);
  broadcast(std::as_writable_bytes(std::span(copy)), root);
  return copy;
}

/// Collective. On the root, how many bytes each rank has.
std::vector<std::uint64_t> Communicator::lengths_of_ranks(std::uint64_t mine) const {
  std::vector<std::uint64_t> lengths(static_cast<std::size_t>(size_));
  const WaitingForOthers waiting;
  check_mpi(MPI_Gather(&mine, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, 0, handle_->communicator),
            "MPI_Gather");
  return lengths;
}

void Communicator::gather(std::span<const std::byte> mine, std::span<std::byte> all) const {
  if (is_root()) std::ranges::copy(mine, all.begin());
  if (size_ == 1) return;
  const std::vector<std::uint64_t> lengths = lengths_of_ranks(mine.size());
  if (!is_root()) {
    for_each_message(mine.size(), [&](std::size_t first, int count) {
      check_mpi(MPI_Send(mine.data() + first, count, MPI_BYTE, 0, 0, handle_->communicator), "MPI_Send");
    });
    return;
  }
  std::uint64_t place = mine.size();
  for (int rank = 1; rank < size_; ++rank) {
    for_each_message(lengths[static_cast<std::size_t>(rank)], [&](std::size_t first, int count) {
      check_mpi(
          MPI_Recv(all.data() + place + first, count, MPI_BYTE, rank, 0, handle_->communicator, MPI_STATUS_IGNORE),
          "MPI_Recv");
    });
    place += lengths[static_cast<std::size_t>(rank)];
  }
}

void Communicator::scatter(std::span<const std::byte> all, std::span<std::byte> mine) const {
  if (is_root()) std::ranges::copy(all.first(mine.size()), mine.begin());
  if (size_ == 1) return;
  const std::vector<std::uint64_t> lengths = lengths_of_ranks(mine.size());
  if (!is_root()) {
    for_each_message(mine.size(), [&](std::size_t first, int count) {
      check_mpi(MPI_Recv(mine.data() + first, count, MPI_BYTE, 0, 0, handle_->communicator, MPI_STATUS_IGNORE),
                "MPI_Recv");
    });
    return;
  }
  std::uint64_t place = mine.size();
  for (int rank = 1; rank < size_; ++rank) {
    for_each_message(lengths[static_cast<std::size_t>(rank)], [&](std::size_t first, int count) {
      check_mpi(MPI_Send(all.data() + place + first, count, MPI_BYTE, rank, 0, handle_->communicator), "MPI_Send");
    });
    place += lengths[static_cast<std::size_t>(rank)];
  }
}

void Communicator::barrier() const {
  if (size_ == 1) return;
  const WaitingForOthers waiting;
  check_mpi(MPI_Barrier(handle_->communicator), "MPI_Barrier");
}

void Communicator::sleeping_barrier() const {
  if (size_ == 1) return;
  const WaitingForOthers waiting;
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(handle_->communicator, &request), "MPI_Ibarrier");
  for (int done = 0; done == 0;) {
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

namespace {

struct Outcome {
  bool failed = false;
  Failure failure = Failure::other;
  std::string message;
};

Outcome attempt(const std::function<void()>& local) {
  try {
    local();
    return {};
  } catch (const Error& error) {
    return {true, error.failure(), error.what()};
  } catch (const std::bad_alloc&) {
    return {true, Failure::other, "out of memory"};
  } catch (const std::exception& error) {
    return {true, Failure::other, error.what()};
  }
}

}  // namespace

void Communicator::agree(const std::function<void()>& local) const {
  Outcome outcome = attempt(local);
  std::int64_t failures = outcome.failed ? 1 : 0;
  sum(std::span(&failures, 1));
  if (failures == 0) return;

  const int lowest = size_ - 1 - static_cast<int>(maximum(std::int64_t{outcome.failed ? size_ - 1 - rank_ : -1}));
  broadcast(std::as_writable_bytes(std::span(&outcome.failure, 1)), lowest);
  outcome.message = broadcast(outcome.message, lowest);
  if (failures < size_) outcome.message += fmt::format(" (on rank {} of {})", lowest, size_);
  throw AgreedError(outcome.failure, outcome.message);
}

void Communicator::agree_on_root(const std::function<void()>& local) const {
  Outcome outcome;
  if (is_root()) outcome = attempt(local);
  broadcast(std::as_writable_bytes(std::span(&outcome.failed, 1)));
  if (!outcome.failed) return;
  broadcast(std::as_writable_bytes(std::span(&outcome.failure, 1)));
  throw AgreedError(outcome.failure, broadcast(outcome.message));
}

}  // namespace rbmpi
