#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <mpi.h>

#include "parallel/handles.hpp"
#include "parallel/mpi_check.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

namespace {

Mapping map_memory(std::size_t bytes) {
  const std::size_t length = std::max<std::size_t>(1, bytes);
  void* const memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {static_cast<std::byte*>(memory), {length}};
}

}  // namespace

SharedWindow::SharedWindow(const Communicator& node, std::size_t bytes) {
  auto handle = std::make_unique<Handle>();
  if (node.size() == 1) {
    // Such memory needs no file system behind it.
    node.agree([&] { handle->own_mapping = map_memory(bytes); });
    bytes_ = {handle->own_mapping.get(), bytes};
    handle_ = handle.release();
    return;
  }

  handle->node = node.handle_->communicator;
  // All of it belongs to the first rank; the others ask where it is.
  MPI_Comm_set_errhandler(handle->node, MPI_ERRORS_RETURN);
  void* memory = nullptr;
  const int code = [&] {
    const WaitingForOthers waiting;
    return MPI_Win_allocate_shared(node.is_root() ? static_cast<MPI_Aint>(bytes) : 0, 1, MPI_INFO_NULL, handle->node,
                                   static_cast<void*>(&memory), &handle->window);
  }();
  MPI_Comm_set_errhandler(handle->node, MPI_ERRORS_ARE_FATAL);
  node.agree([&] {
    if (code != MPI_SUCCESS) {
      throw Error(Failure::other,
                  fmt::format("MPI cannot provide {} bytes of memory that the ranks of a node share (is /dev/shm, or "
                              "what Open MPI uses instead, large enough?)",
                              bytes));
    }
  });
  MPI_Aint size = 0;
  int unit = 0;
  check_mpi(MPI_Win_shared_query(handle->window, 0, &size, &unit, static_cast<void*>(&memory)), "MPI_Win_shared_query");
  // One long epoch of direct access; `synchronise` orders the accesses inside it.
  check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, handle->window), "MPI_Win_lock_all");
  bytes_ = {static_cast<std::byte*>(memory), bytes};
  handle_ = handle.release();
}

namespace {

/// Open MPI wants a twentieth more than it takes, and if there is less, some ranks fail and others wait for ever.
std::uint64_t room_for(std::size_t bytes) {
  constexpr std::size_t header = 65536;
  return bytes + bytes / 16 + header;
}

}  // namespace

bool SharedWindow::fits(const Communicator& world, const Communicator& node, std::size_t bytes) {
  const Communicator machine = world.split_by_node(0);
  std::int64_t wanted = node.size() > 1 && node.is_root() ? static_cast<std::int64_t>(room_for(bytes)) : 0;
  machine.sum(std::span(&wanted, 1));
  const bool enough = wanted == 0 || static_cast<std::uint64_t>(wanted) <= available_shared_memory();
  return world.maximum(enough ? 0 : 1) == 0;
}

SharedWindow SharedWindow::on_every_node(const Communicator& world, const Communicator& node, std::size_t bytes) {
  if (!fits(world, node, bytes)) {
    throw AgreedError(Failure::other,
                      fmt::format("the ranks of each node have to share {} of memory, but /dev/shm of a "
                                  "machine has only {} left",
                                  human_bytes(bytes), human_bytes(available_shared_memory())));
  }
  SharedWindow window;
  std::optional<Error> failure;
  try {
    window = SharedWindow(node, bytes);
  } catch (const AgreedError& error) {  // agreed upon in this node only
    failure = error;
  }
  world.agree([&] {
    if (failure) throw Error(*failure);
  });
  return window;
}

SharedWindow::~SharedWindow() {
  delete handle_;
}

void SharedWindow::release() {
  if (handle_ != nullptr && handle_->window != MPI_WIN_NULL) {
    check_mpi(MPI_Win_unlock_all(handle_->window), "MPI_Win_unlock_all");
    const WaitingForOthers waiting;
    check_mpi(MPI_Win_free(&handle_->window), "MPI_Win_free");
  }
  delete std::exchange(handle_, nullptr);
  bytes_ = {};
}

SharedWindow::SharedWindow(SharedWindow&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}

SharedWindow& SharedWindow::operator=(SharedWindow&& other) noexcept {
  SharedWindow moved(std::move(other));
  std::swap(handle_, moved.handle_);
  std::swap(bytes_, moved.bytes_);
  return *this;
}

void SharedWindow::synchronise() const {
  if (handle_ == nullptr || handle_->window == MPI_WIN_NULL) return;
  check_mpi(MPI_Win_sync(handle_->window), "MPI_Win_sync");
  const WaitingForOthers waiting;
  check_mpi(MPI_Barrier(handle_->node), "MPI_Barrier");
  check_mpi(MPI_Win_sync(handle_->window), "MPI_Win_sync");
}

}  // namespace rbmpi
