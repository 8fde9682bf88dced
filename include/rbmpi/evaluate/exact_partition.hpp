#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// The most units of the smaller side whose states are enumerated: 2^25 of them. Of units with more values fewer.
inline constexpr std::size_t largest_enumeration = 25;

/// Local. Whether the states of one of the sides can be counted, and are few enough.
[[nodiscard]] bool can_enumerate(RbmShape shape) noexcept;
/// Local. Whether it would be the states of the hidden side, of a machine that can be enumerated.
[[nodiscard]] bool enumerates_hidden(RbmShape shape) noexcept;

/// Collective. log Z, in nats, by summing over all states of the smaller side, with the other side summed out unit by
/// unit: for zeros and ones and H <= V
///   Z = sum over h of exp(c.h) prod_i (1 + exp(b_i + (W h)_i)).
/// Zeros and ones on both sides take a fast way; other units answer row by row (model/unit.hpp).
/// In double precision, with an error of about 1e-12 of the result. The states are shared out over ranks and threads in
/// blocks whose sums are added in one order: the same bits on any number of them.
/// Throws an AgreedError: Failure::usage if both sides are too large, Failure::diverged if a parameter is not finite,
/// Failure::other without the memory for it (`enumeration_memory`), Failure::interrupted after a signal.
[[nodiscard]] double exact_log_partition(RbmView<const Real> rbm, const Communicator& world,
                                         const ProgressReport& progress = {});

/// Local. Bytes that it needs on one rank.
[[nodiscard]] std::uint64_t enumeration_memory(RbmShape shape);

/// Local. About how long it takes on so many cores, in seconds, from a block of the states of this model, measured on
/// this one.
[[nodiscard]] double enumeration_seconds(RbmView<const Real> rbm, int workers);

}  // namespace rbmpi
