#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace rbmpi {

/// Local. Bytes of memory that this machine, within the limits of the control groups of this process (Slurm's,
/// systemd's, a container's), can still give without swapping.
[[nodiscard]] std::uint64_t available_memory();
/// Bytes that a process still takes after its start besides what is counted for its work: what libraries keep, stacks,
/// children that read files. Twice what was measured (docs/reliability.md).
inline constexpr std::uint64_t program_memory = 8'000'000;
/// Local. Bytes that are free in the file system behind shared memory (/dev/shm); 0 if there is none.
[[nodiscard]] std::uint64_t available_shared_memory();
/// Local. The most memory this process ever had to itself at one of the calls of this function, in bytes: what it
/// shares with other ranks, such as the samples, is not counted.
[[nodiscard]] std::uint64_t peak_private_memory();

/// Local. Whether this process may take so many bytes more to write to, or have addresses for them, within its limits
/// (ulimit -d and -v; ulimit -v) and the system's policy. Nothing is taken.
[[nodiscard]] bool may_take(std::size_t bytes) noexcept;
[[nodiscard]] bool may_map(std::size_t bytes) noexcept;

/// "47.0 MB", "1.2 GB": powers of 1000.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

}  // namespace rbmpi
