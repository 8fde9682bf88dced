#include "train/step_sums.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/core/plural.hpp"

namespace rbmpi {

StepSums::StepSums(const GradientFunction& function, const StepPlan& plan, BatchGradient& gradient, Workspace& memory)
    : plan_(plan), gradient_(gradient) {
  const std::size_t largest = plan.largest_panel(gradient);
  if (plan.needs_panels) {
    panel_size_ = whole_lines<Real>(largest);
    panels_ = memory.rank.take<Real>(plan.phases * plan.share.threads * panel_size_);
  }
  for (std::size_t phase = 0; plan.keeps_sums && phase < plan.phases; ++phase) {
    kept_.emplace_back(plan.mine.size(), plan.wide, memory.rank);
  }
  std::size_t shown = 0;
  for (std::size_t array = 0; array < plan.layout.count(); ++array) {
    shown_offsets_.emplace_back();
    if (plan.phases == 1 || !function.shows(array)) continue;
    shown_offsets_.back() = shown;
    shown += plan.layout[array].size();
  }
  shows_ = shown > 0;
  for (std::span<Real>& of_phase : shown_) of_phase = memory.node.take<Real>(shown);
  phase_sums_.shown = {shown_[0], shown_[1]};
}

void StepSums::exchange_by(SumsBy by, const Communicator& nodes, Arena& memory) {
  if (plan_.exchanges_pieces) under_way_.emplace(nodes, by, plan_.sums_under_way(), plan_.longest_sum(), memory);
}

void StepSums::send_counts(StepCounts& counts) {
  if (under_way_) under_way_->start(counts.all());
}

void StepSums::form_part(bool first_part, PhaseClock& clock) {
  const bool add = !first_part && !plan_.wide;
  for (const std::vector<ArrayRows>& piece : plan_.pieces) {
    for_each_phase([&](GradientPhase phase) {
      for (const ArrayRows& part : piece) form(phase, part, add);
      if (!under_way_) return;
      const Shard values = plan_.mine.values(piece);
      under_way_->start(kept(phase).values().subspan(values.first, values.count));
    });
  }
  for (GradientSums& sums : kept_) sums.finish_part(first_part);
  clock.lap(TimePhase::products);
}

void StepSums::form(GradientPhase phase, const ArrayRows& part, bool add) {
  plan_.for_each_panel(part, gradient_, [&](Shard rows, std::size_t thread) {
    Real* const all = place(phase, part.array, rows.first);
    Real* const of_part = add ? panel(phase, thread) : all;
    gradient_.sum(phase, part.array, rows, thread, of_part);
    const std::size_t count = rows.count * plan_.layout[part.array].columns;
    for (std::size_t i = 0; add && i < count; ++i) all[i] += of_part[i];
    if (thread == 0 && under_way_) under_way_->progress();
  });
}

void StepSums::exchange(StepCounts& counts, std::uint64_t batch_rows, const Communicator& nodes, PhaseClock& clock) {
  if (under_way_) {
    under_way_->wait();
  } else {
    nodes.sum(counts.all());
  }
  set_weights(counts, batch_rows);
  for_each_phase([&](GradientPhase phase) {
    if (are_kept() && !under_way_) kept(phase).exchange(nodes, total_weight(phase));
  });
  clock.lap(TimePhase::exchange);
}

void StepSums::set_weights(const StepCounts& counts, std::uint64_t batch_rows) {
  const auto rows = static_cast<double>(batch_rows);
  // Where rows count differently, those of a batch may have no weight, nor chains that begin at them.
  const bool both_zero = counts.weights[0] == 0 && counts.weights[1] == 0;
  const bool both_right = counts.weights[0] >= 0 && counts.weights[1] > 0;
  const bool are_right = plan_.phases == 1 ? both_zero : both_right || (both_zero && plan_.weighs_rows);
  if (!are_right) {
    for (std::size_t piece = 0; piece < plan_.pieces.size(); ++piece) wait_for_piece();  // none may be left on its way
    throw AgreedError(
        Failure::usage,
        fmt::format("the gradient function has a gradient of {}, but tells total weights of {} of rows and {} of "
                    "samples of the model: with two phases that of rows must be at least 0 and that of samples above "
                    "0, with one both 0",
                    plural(plan_.phases, "phase"), static_cast<double>(counts.weights[0]) * weight_unit,
                    static_cast<double>(counts.weights[1]) * weight_unit));
  }
  if (plan_.phases == 1) {
    weights_ = {rows, 0};
    sample_share_ = plan_.wide ? Real{1} : Real{1} / static_cast<Real>(batch_rows);
    return;
  }
  for_each_phase([&](GradientPhase phase) {
    const auto i = static_cast<std::size_t>(phase);
    weights_[i] = static_cast<double>(counts.weights[i]) * weight_unit;
  });
  for_each_phase([&](GradientPhase phase) {
    const double share = plan_.wide ? 1 : 1 / total_weight(phase);
    // Where all rows have weight 0 there is no gradient.
    phase_sums_.shares[static_cast<std::size_t>(phase)] = total_weight(phase) > 0 ? static_cast<Real>(share) : Real{0};
  });
  phase_sums_.mean_weight = static_cast<Real>(total_weight(GradientPhase::data) / rows);
}

double StepSums::total_weight(GradientPhase phase) const {
  return weights_[static_cast<std::size_t>(phase)];
}

Real* StepSums::panel(GradientPhase phase, std::size_t thread) const {
  const std::size_t number = static_cast<std::size_t>(phase) * plan_.share.threads + thread;
  return panels_.data() + number * panel_size_;
}

std::span<Real> StepSums::sums(GradientPhase phase, std::size_t array, Shard rows, std::size_t thread) {
  const std::size_t count = rows.count * plan_.layout[array].columns;
  if (are_kept()) return {place(phase, array, rows.first), count};
  Real* const formed = panel(phase, thread);
  gradient_.sum(phase, array, rows, thread, formed);
  return {formed, count};
}

void StepSums::show(const NodeArena& node) {
  for (std::size_t piece = 0; piece < plan_.pieces.size(); ++piece) wait_for_piece();
  for (std::size_t array = 0; array < plan_.layout.count(); ++array) {
    if (!shown_offsets_[array]) continue;
    for_each_phase([&](GradientPhase phase) {
      Real* const shown = shown_[static_cast<std::size_t>(phase)].data() + *shown_offsets_[array];
      plan_.for_each_panel({array, plan_.mine.rows(array)}, gradient_, [&](Shard rows, std::size_t thread) {
        std::ranges::copy(sums(phase, array, rows, thread), shown + rows.first * plan_.layout[array].columns);
      });
    });
  }
  node.synchronise();
}

void StepSums::wait_for_piece() {
  for (std::size_t phase = 0; under_way_ && phase < plan_.phases; ++phase) under_way_->wait();
}

}  // namespace rbmpi
