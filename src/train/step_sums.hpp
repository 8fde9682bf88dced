#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/gradient_sums.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "train/step_plan.hpp"

namespace rbmpi {

/// The way of a gradient on one rank, from the states of the node's rows and chains to the update: the sums of each
/// phase over this rank's share of the parameters, panel by panel; more parts of the batch and other nodes are added;
/// two phases become one gradient. Where nothing is to be added, a panel is formed and used up at once. Move-only.
class StepSums {
 public:
  /// Local. Plan and gradient must live on.
  StepSums(const GradientFunction& function, const StepPlan& plan, BatchGradient& gradient, Workspace& memory);
  /// Local. Where the plan exchanges pieces: among these ranks, which must live on, while more are computed.
  void exchange_by(SumsBy by, const Communicator& nodes, Arena& memory);

  /// Whether sums are kept until all of them are there: then each part of the batch is to be added.
  [[nodiscard]] bool are_kept() const noexcept { return !kept_.empty(); }
  /// Collective over the nodes. The counts of this step go to the other nodes, ahead of the gradient: behind it, they
  /// would have to wait on the wire.
  void send_counts(StepCounts& counts);
  /// Local, on all threads, or Collective over the nodes where they exchange pieces: each goes on its way while the
  /// next is formed. Adds the sums over the rows and chains that the node has taken.
  void form_part(bool first_part, PhaseClock& clock);
  /// Collective over `nodes`. Counts and kept sums become those of all nodes, but for what is on its way.
  void exchange(StepCounts& counts, std::uint64_t batch_rows, const Communicator& nodes, PhaseClock& clock);

  /// What the gradient has to be multiplied by for a mean; that of two phases is one already.
  [[nodiscard]] Real sample_share() const noexcept { return sample_share_; }
  /// Collective over the node, on all threads. Calls use(array, rows, thread, gradient) for panels of this rank's
  /// share, each when its sums over all nodes are there: those that were kept, or formed now, to be used up while they
  /// are in a cache.
  template <typename Use>
  void for_each_gradient(const NodeArena& node, PhaseClock& clock, const Use& use) {
    if (shows_) show(node);
    for_each_gradient_of(false, clock, use);
    if (!shows_) return;
    node.synchronise();
    for_each_gradient_of(true, clock, use);
  }

 private:
  /// Of the arrays that are shown, or of the others.
  template <typename Use>
  void for_each_gradient_of(bool shown, PhaseClock& clock, const Use& use) {
    for (const std::vector<ArrayRows>& piece : plan_.pieces) {
      if (!shows_) wait_for_piece();
      clock.lap(TimePhase::exchange);
      for (const ArrayRows& part : piece) {
        if (shown_offsets_[part.array].has_value() != shown) continue;
        plan_.for_each_panel(part, gradient_, [&](Shard rows, std::size_t thread) {
          const std::span<Real> gradient = sums(GradientPhase::data, part.array, rows, thread);
          if (plan_.phases > 1) {
            const std::span<Real> of_model = sums(GradientPhase::model, part.array, rows, thread);
            gradient_.combine(part.array, rows, thread, phase_sums_, gradient, of_model);
          }
          if (thread == 0) clock.lap(TimePhase::products);
          use(part.array, rows, thread, gradient);
          if (thread == 0) clock.lap(TimePhase::update);
        });
      }
    }
  }
  template <typename Body>
  void for_each_phase(const Body& body) const {
    body(GradientPhase::data);
    if (plan_.phases > 1) body(GradientPhase::model);
  }
  [[nodiscard]] GradientSums& kept(GradientPhase phase) { return kept_[static_cast<std::size_t>(phase)]; }
  [[nodiscard]] Real* place(GradientPhase phase, std::size_t array, std::uint64_t row) {
    return kept(phase).values().data() + plan_.mine.place(array, row);
  }
  [[nodiscard]] Real* panel(GradientPhase phase, std::size_t thread) const;
  /// Of a phase, for these rows of an array: those that were kept, or formed now.
  [[nodiscard]] std::span<Real> sums(GradientPhase phase, std::size_t array, Shard rows, std::size_t thread);
  /// Of a phase, for some rows of an array: to be kept, or added to those that are.
  void form(GradientPhase phase, const ArrayRows& part, bool add);
  void set_weights(const StepCounts& counts, std::uint64_t batch_rows);
  [[nodiscard]] double total_weight(GradientPhase phase) const;
  void show(const NodeArena& node);
  void wait_for_piece();

  const StepPlan& plan_;
  BatchGradient& gradient_;
  std::size_t panel_size_ = 0;
  std::span<Real> panels_;          // for each phase and thread
  std::vector<GradientSums> kept_;  // of each phase, or none
  std::optional<SumsUnderWay> under_way_;
  // Of the arrays that the function shows: where each begins among them, and their sums in each phase, of the node.
  std::vector<std::optional<std::size_t>> shown_offsets_;
  std::array<std::span<Real>, gradient_phases> shown_;
  bool shows_ = false;
  // Of this step.
  std::array<double, gradient_phases> weights_{};
  Real sample_share_ = 1;
  PhaseSums phase_sums_;
};

}  // namespace rbmpi
