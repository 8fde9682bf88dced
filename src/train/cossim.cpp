#include <algorithm>
#include <iterator>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/gradient_schedules.hpp"

namespace rbmpi {
namespace {

constexpr Real growth = 1.002F;
constexpr Real decline = 0.998F;
constexpr Real largest_factor = 10;
constexpr Real smallest_factor = 1e-6F;  // so that it can come back

/// The product of two gradients is told only when all ranks of the node have moved their parameters, so it changes the
/// rate of the step after. Each step writes its factor and its products to a row of its own, since some ranks read
/// those of the step before while others are in this one already; a third would only come after the node's wait.
class Cossim final : public Optimizer {
 public:
  Cossim(const ParameterLayout& layout, const OptimizationOptions& options, Arena& memory)
      : schedules_(options), last_gradient_(memory.take<Real>(layout.size())) {
    for (std::size_t array = 0; array < layout.count(); ++array) {
      const ParameterArray& all = layout[array];
      arrays_.push_back({.begin = layout.offset(array), .group = all.group * all.columns, .first_product = groups_});
      groups_ += (all.rows + all.group - 1) / all.group;
    }
    factors_ = memory.take<Real>(rows);
    products_ = memory.take<Real>(rows * groups_);
  }

  void begin_step(std::uint64_t epoch, std::uint64_t step, Real sample_share) override {
    row_ = step % rows;
    // The first step has no gradient before it, so the second knows no product.
    factor_ = step > 2 ? next_factor(factors_[(step - 1) % rows], (step - 1) % rows) : 1;
    schedules_.begin_step(epoch, sample_share);
    step_.learning_rate = static_cast<Real>(schedules_.learning_rate() * factor_);
  }

  void update(const ParameterArray& array, std::size_t first, std::size_t count, const Real* sums,
              Real* parameters) noexcept override {
    CossimStep step = step_;
    step.gradient = schedules_.terms(array);
    const auto after = std::ranges::upper_bound(arrays_, first, {}, &Place::begin);
    const Place& place = *std::prev(after);
    Real* const products =
        products_.data() + row_ * groups_ + place.first_product + (first - place.begin) / place.group;
    cossim_update(step, sums, count, place.group, last_gradient_.data() + first, parameters, products);
    if (first == 0) factors_[row_] = factor_;
  }

  std::vector<OptimizerMemory> memory() noexcept override {
    return {{"last_gradient", last_gradient_}, {"factors", factors_, rows}, {"products", products_, rows, groups_}};
  }

 private:
  static constexpr std::size_t rows = 2;  // step s has row s % 2

  /// An array of the parameters: where it begins, values in a group of its rows, and where their products are.
  struct Place {
    std::size_t begin = 0;
    std::size_t group = 0;
    std::size_t first_product = 0;
  };

  [[nodiscard]] Real next_factor(Real factor, std::size_t row) const noexcept {
    double product = 0;
    for (const Real of_group : products_.subspan(row * groups_, groups_)) product += of_group;
    return std::clamp(factor * (product > 0 ? growth : decline), smallest_factor, largest_factor);
  }

  GradientSchedules schedules_;
  CossimStep step_;
  std::vector<Place> arrays_;
  std::size_t groups_ = 0;         // of rows of all arrays
  std::span<Real> last_gradient_;  // one flat buffer in the layout of the parameters
  std::span<Real> factors_;        // of the learning rate, in the last two steps
  std::span<Real> products_;       // [rows x groups] of the gradients of these steps with those before them
  // Of this step.
  std::size_t row_ = 0;
  Real factor_ = 1;
};

}  // namespace

std::unique_ptr<Optimizer> make_cossim(const ParameterLayout& layout, const OptimizationOptions& options,
                                       Arena& memory) {
  return std::make_unique<Cossim>(layout, options, memory);
}

}  // namespace rbmpi
