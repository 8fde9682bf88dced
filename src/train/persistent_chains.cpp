#include "train/persistent_chains.hpp"

#include <algorithm>

#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/row_weights.hpp"

namespace rbmpi {
namespace {

/// Chains that a rank begins at a time.
constexpr std::uint64_t begun_at_once = 16;

// The steps that the random numbers of the start count as: v, then h.
constexpr std::uint64_t visible_start = 0;
constexpr std::uint64_t hidden_start = 1;

/// The epoch whose order of rows chains begin in, before the first.
constexpr std::uint64_t epoch_before = 0;

}  // namespace

PersistentChains::PersistentChains(const EstimatorSettings& settings, std::uint64_t chains, Workspace& memory)
    : options_(settings.options),
      rbm_(settings.rbm),
      share_(settings.share),
      node_(memory.node),
      all_(chains),
      of_node_(shard(chains, share_.node, share_.nodes)),
      visible_(memory.node.take<std::uint64_t>(of_node_.count * words_for(rbm_.shape().visible))),
      hidden_(memory.node.take<std::uint64_t>(of_node_.count * words_for(rbm_.shape().hidden))),
      visible_before_(memory.node.take<std::uint64_t>(of_node_.count * words_for(rbm_.shape().visible))),
      data_(settings.data),
      weights_differ_(settings.weighting.differ) {
  const std::size_t visible = rbm_.shape().visible;
  if (options_.chains_from == ChainsFrom::data) {
    // Weighted rows are read one by one, by each rank for itself.
    const ReaderShare together{.most_rows = begun_at_once * share_.slots, .slots = share_.slots, .slot = share_.slot};
    reader_ = settings.data.reader(weights_differ_ ? ReaderShare{.most_rows = 1} : together, memory);
    probabilities_ = memory.rank.take<Real>(begun_at_once * visible);
  }
  no_bias_ = memory.rank.take<Real>(options_.chains_from == ChainsFrom::noise ? visible : 0);
  block_.emplace(settings.couplings, begun_at_once, memory.rank);
}

void PersistentChains::begin() {
  reader_&& weights_differ_ ? begin_at_weighted_rows() : begin_in_order();
  reader_.reset();
}

void PersistentChains::begin_in_order() {
  const RowOrder order(data_.rows, /*shuffled=*/true, options_.seed, options_.layer, epoch_before);
  const std::uint64_t end = of_node_.first + of_node_.count;
  for (std::uint64_t first = of_node_.first; first < end;) {
    // All rows once, then again.
    const std::uint64_t position = first % data_.rows;
    const std::uint64_t count = std::min({begun_at_once * share_.slots, end - first, data_.rows - position});
    if (reader_) reader_->next(order, position, count);
    const Shard of_rank = share_.rows_of_rank(count);
    begin({first + of_rank.first, of_rank.count}, of_rank.first);
    if (reader_) node_.synchronise();  // these rows must not be read any more when the next ones come
    first += count;
  }
}

void PersistentChains::begin_at_weighted_rows() {
  const Shard mine = share_.rows_of_rank(of_node_.count);
  WeightedRows rows(data_, all_);
  for (std::uint64_t chain = of_node_.first + mine.first, i = 0; i < mine.count; ++i, ++chain) {
    reader_->next(rows.row_at(chain), 1);
    begin({chain, 1}, 0);
  }
}

void PersistentChains::begin(Shard mine, std::uint64_t first_row) {
  const ChainNumbers numbers{.seed = options_.seed, .layer = options_.layer, .hidden = Phase::chain_start};
  block_->take(mine.first, visible(mine), hidden(mine));
  if (reader_) {
    const Draws draws{options_.seed, options_.layer, visible_start, mine.first};
    const std::size_t units = rbm_.shape().visible;
    reader_->draw({first_row, mine.count}, {0, units}, unrounded, draws, Phase::chain_start,
                  {probabilities_.data(), mine.count, units}, visible(mine));
  } else {
    UnitRow visible_units = rbm_.visible_units();
    if (options_.chains_from == ChainsFrom::noise) visible_units.parameters = no_bias_.data();
    static_assert(visible_start == 0);
    block_->draw_independent(visible_units, numbers, Phase::chain_start);
  }
  block_->form_hidden_fields();
  block_->draw_hidden({rbm_.visible_units(), rbm_.hidden_units()}, numbers, hidden_start);
}

void PersistentChains::keep_visible(std::uint64_t number) const noexcept {
  const std::size_t words = words_for(rbm_.shape().visible);
  const std::size_t first = (number - of_node_.first) * words;
  std::copy_n(visible_.data() + first, words, visible_before_.data() + first);
}

std::vector<StateArray> PersistentChains::state() const {
  const auto array = [&](const char* name, std::span<std::uint64_t> states, std::size_t units) {
    return StateArray{.name = name,
                      .type = ElementType::uint8,
                      .rows = all_,
                      .columns = sizeof(std::uint64_t) * words_for(units),
                      .values = std::as_writable_bytes(states),
                      .is_shared_out = true};
  };
  return {array(visible_chains, visible_, rbm_.shape().visible), array(hidden_chains, hidden_, rbm_.shape().hidden),
          array(visible_chains_before, visible_before_, rbm_.shape().visible)};
}

}  // namespace rbmpi
