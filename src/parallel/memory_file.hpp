#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "rbmpi/core/system.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// How the ranks of a node come to one file in memory.
enum class MemoryFileKind {
  unnamed,  ///< it lies in no file system, whose size would limit it, and nothing is left of it, whoever is killed; the
            ///< others find it in /proc, if they see the first rank there and may look at what it has open
  named,    ///< in /dev/shm; the name is taken away as soon as all have opened it
};

/// Local. Makes sure of `bytes` bytes of memory from `first` on, piece by piece as long as there is some: where no file
/// system limits it, the system would rather kill processes than refuse. `take` gets the first byte and the number of
/// bytes of a piece and gives the number of an error, or 0, as this does. All `ranks` of a node claim at the same time,
/// and each leaves what a program takes besides.
[[nodiscard]] int claim(std::uint64_t first, std::uint64_t bytes, int ranks,
                        const std::function<int(std::uint64_t, std::uint64_t)>& take);

/// Local. Throws Error(Failure::other) for an error in taking memory, but for none, 0. `what` completes "not enough
/// memory for ...", and `bytes` is all that is wanted.
void throw_if_refused(int error, MemoryFileKind kind, std::size_t bytes, const std::string& what);

/// Collective over `node`. A file in memory of `bytes` bytes, more than none, open on all of its ranks. All of its
/// pages are there: each rank claims a part, in the order of the ranks. It is of the first kind, from `kind` on, that
/// all can open. `what` completes "not enough memory for ...". Throws an AgreedError(Failure::other) on all ranks if it
/// cannot be had.
[[nodiscard]] Descriptor share_memory_file(const Communicator& node, std::size_t bytes, const std::string& what,
                                           MemoryFileKind kind = MemoryFileKind::unnamed);

}  // namespace rbmpi
