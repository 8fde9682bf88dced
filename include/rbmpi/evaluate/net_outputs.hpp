#pragma once

#include <cstdint>
#include <functional>

#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Collective. Takes rows of data through the first `layers` layers of a net, the same on all ranks: probabilities of
/// classes, reconstructions, codes. `take` is called on the root with one piece of rows after the other, in their
/// order: the number of its first row, and the activations [rows x units[layers]]; it may throw. The rows are shared
/// out over ranks and threads. Throws an AgreedError: Failure::usage if net and data do not fit, Failure::other without
/// the memory for a piece, Failure::interrupted after a signal.
void net_outputs(const FeedForwardNet& net, std::size_t layers, const Rows& samples, const Communicator& world,
                 const std::function<void(std::uint64_t first, ConstMatrixView outputs)>& take,
                 const ProgressReport& progress = {});

/// Collective. The net of the root, on all ranks.
void broadcast_net(FeedForwardNet& net, const Communicator& world);

}  // namespace rbmpi
