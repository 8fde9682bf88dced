#include "parallel/memory_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"

namespace rbmpi {
namespace {

std::string random_name() {
  std::random_device random;
  return fmt::format("rbmpi-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

Descriptor checked(int number, const std::string& path) {
  if (number < 0) throw Error(Failure::other, fmt::format("'{}': {}", path, error_text(errno)));
  return Descriptor(number);
}

/// Takes the name of a file away at the end, which is no end of the file.
struct NameToGo {
  std::string path;
  NameToGo() = default;
  NameToGo(const NameToGo&) = delete;
  NameToGo& operator=(const NameToGo&) = delete;
  ~NameToGo() {
    if (!path.empty()) unlink(path.c_str());
  }
};

/// An unnamed file of another process. In other containers its path may be that of a stranger's, with another name.
Descriptor open_of_process(const std::string& path, const std::string& name) {
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(path, error).string();
  if (target.find(name) == std::string::npos) {
    throw Error(Failure::other, fmt::format("'{}' is not there, or is no file of the first rank", path));
  }
  return checked(open(path.c_str(), O_RDWR | O_CLOEXEC), path);
}

/// Collective over `node`. A new, empty file, open on all of its ranks.
Descriptor open_on_all(const Communicator& node, MemoryFileKind kind) {
  const bool named = kind == MemoryFileKind::named;
  std::string name;
  std::string path;
  Descriptor file;
  NameToGo name_to_go;
  node.agree_on_root([&] {
    name = random_name();
    if (named) {
      path = "/dev/shm/" + name;
      file = checked(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR), path);
      name_to_go.path = path;
    } else {
      file = checked(memfd_create(name.c_str(), MFD_CLOEXEC), name);
      // Its number as the others see it in the same /proc, whatever the number is that it has for itself.
      path = fmt::format("/proc/{}/fd/{}", std::filesystem::read_symlink("/proc/self").string(), file.number());
    }
  });
  name = node.broadcast(name);
  path = node.broadcast(path);
  node.agree([&] {
    if (node.is_root()) return;
    file = named ? checked(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC), path) : open_of_process(path, name);
  });
  return file;
}

/// The number of the error, or 0. What cannot be is found at once, and no limit comes as a signal.
int set_length(int file, std::uint64_t bytes) {
  if (bytes > available_memory()) return ENOMEM;
  rlimit most{};
  if (getrlimit(RLIMIT_FSIZE, &most) == 0 && bytes > most.rlim_cur) return EFBIG;
  return ftruncate(file, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
}

/// Collective over `node`.
Descriptor open_on_all_somehow(const Communicator& node, MemoryFileKind& kind, const std::string& what) {
  if (kind == MemoryFileKind::unnamed) {
    try {
      return open_on_all(node, kind);
    } catch (const AgreedError&) {
      kind = MemoryFileKind::named;
    }
  }
  try {
    return open_on_all(node, kind);
  } catch (const AgreedError& error) {
    throw AgreedError(
        error.failure(),
        fmt::format("the ranks of a node cannot share memory for {}: they see each other neither in /proc "
                    "nor in /dev/shm, which containers of their own may have to share ({})",
                    what, error.what()));
  }
}

}  // namespace

int claim(std::uint64_t first, std::uint64_t bytes, int ranks,
          const std::function<int(std::uint64_t, std::uint64_t)>& take) {
  constexpr std::uint64_t piece = std::uint64_t{1} << 24U;
  while (bytes > 0) {
    still_at_work();
    const std::uint64_t some = std::min(piece, bytes);
    const std::uint64_t wanted = static_cast<std::uint64_t>(ranks) * (some + program_memory);
    const int error = wanted > available_memory() ? ENOMEM : take(first, some);
    if (error == EINTR) continue;
    if (error != 0) return error;
    first += some;
    bytes -= some;
  }
  return 0;
}

void throw_if_refused(int error, MemoryFileKind kind, std::size_t bytes, const std::string& what) {
  if (error == 0) return;
  if (error == ENOSPC && kind == MemoryFileKind::named) {
    throw Error(Failure::other,
                fmt::format("not enough shared memory for {}: it takes {} on each node, but /dev/shm has only {} free; "
                            "make it larger, or let the ranks of a node see each other in /proc, and they need none",
                            what, human_bytes(bytes), human_bytes(available_shared_memory())));
  }
  if (error == ENOSPC || error == ENOMEM) {
    throw Error(Failure::other, fmt::format("not enough memory for {}: it takes {} on each node, but only {} are "
                                            "available",
                                            what, human_bytes(bytes), human_bytes(available_memory())));
  }
  throw Error(Failure::other, fmt::format("no memory for {}, which takes {} on each node: {}{}", what,
                                          human_bytes(bytes), error_text(error),
                                          error == EFBIG ? " (ulimit -f holds for memory that processes share)" : ""));
}

Descriptor share_memory_file(const Communicator& node, std::size_t bytes, const std::string& what,
                             MemoryFileKind kind) {
  Descriptor file = open_on_all_somehow(node, kind, what);
  node.agree_on_root([&] { throw_if_refused(set_length(file.number(), bytes), kind, bytes, what); });
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t pages = (bytes + page - 1) / page;
  const auto begin = [&](int rank) {
    const auto ranks = static_cast<std::uint64_t>(node.size());
    return std::min<std::uint64_t>(pages * static_cast<std::uint64_t>(rank) / ranks * page, bytes);
  };
  const std::uint64_t first = begin(node.rank());
  node.agree([&] {
    const int error =
        claim(first, begin(node.rank() + 1) - first, node.size(), [&](std::uint64_t from, std::uint64_t some) {
          return posix_fallocate(file.number(), static_cast<off_t>(from), static_cast<off_t>(some));
        });
    throw_if_refused(error, kind, bytes, what);
  });
  return file;
}

}  // namespace rbmpi
