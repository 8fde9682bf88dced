#include "rbmpi/core/kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
//
#include "core/elementwise-inl.hpp"
#include "core/sampling-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

HWY_ATTR void ScaleBytes(const std::uint8_t* values, double scale, std::size_t count, ProbabilityRounding rounding,
                         Real* probabilities) {
  const GridFactors grid(rounding.grid);
  const auto divisor = static_cast<Real>(scale);
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> di;
    const hn::Rebind<std::uint8_t, decltype(d)> du8;
    const auto number = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(du8, values + i)));
    const auto p = hn::Div(number, hn::Set(d, divisor));
    hn::StoreU(round_probability(d, p, rounding.exact, grid), d, probabilities + i);
  });
}

HWY_ATTR void ScaleFloats(const float* values, double scale, std::size_t count, ProbabilityRounding rounding,
                          Real* probabilities) {
  const GridFactors grid(rounding.grid);
  const auto divisor = static_cast<Real>(scale);
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto p = hn::Div(hn::LoadU(d, values + i), hn::Set(d, divisor));
    hn::StoreU(round_probability(d, p, rounding.exact, grid), d, probabilities + i);
  });
}

HWY_FLATTEN HWY_ATTR void Activate(Real* fields, const Real* bias, std::size_t count, ProbabilityRounding rounding) {
  const GridFactors grid(rounding.grid);
  for_each_vectors(count, [&](auto d, std::size_t i, auto n) HWY_ATTR {
    hn::Vec<decltype(d)> p[n];
    activate(d, fields + i, bias + i, rounding.exact, grid, p);
    for (std::size_t k = 0; k < n; ++k) hn::StoreU(p[k], d, fields + i + k * hn::Lanes(d));
  });
}

HWY_FLATTEN HWY_ATTR void Sample(const Real* probabilities, std::size_t count, const RandomStream& stream,
                                 Real* states) {
  alignas(64) std::uint8_t bytes[random_group];
  for (std::size_t first = 0; first < count; first += random_group) {
    const std::size_t units = std::min(random_group, count - first);
    random_bytes(stream, static_cast<std::uint32_t>(first / 16), units, bytes);
    for_each_vector(units, [&](auto d, std::size_t i) HWY_ATTR {
      const std::size_t unit = first + i;
      const hn::Vec<decltype(d)> p[1] = {hn::LoadU(d, probabilities + unit)};
      hn::StoreU(states_in(d, draw(d, p, bytes + i, stream, unit)), d, states + unit);
    });
  }
}

HWY_FLATTEN HWY_ATTR void FirstWords(const RandomStream& stream, std::uint32_t* words, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<std::uint64_t, 8> d;
  const hn::Rebind<std::uint32_t, decltype(d)> d32;
  using V = hn::Vec<decltype(d)>;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    V word_0 = hn::PromoteTo(d, hn::Add(hn::LoadU(d32, words + i), hn::Set(d32, stream.counter()[0])));
    V word_1 = hn::Set(d, stream.counter()[1]);
    V word_2 = hn::Set(d, stream.counter()[2]);
    V word_3 = hn::Set(d, stream.counter()[3]);
    philox(d, stream.key(), word_0, word_1, word_2, word_3);
    hn::StoreU(hn::TruncateTo(d32, word_0), d32, words + i);
  }
#endif
  for (; i < count; ++i) words[i] = stream.block(words[i])[0];
}

HWY_ATTR std::int64_t SquaredError(const Real* a, const Real* b, std::size_t count) {
  // A lane holds up to 64 squares of at most 2^24 before its sum is taken to 64 bits.
  constexpr std::size_t squares_per_lane = 64;
  const hn::CappedTag<Real, 16> d;
  const hn::RebindToSigned<decltype(d)> di;
  const std::size_t lanes = hn::Lanes(d);
  std::int64_t total = 0;
  std::size_t i = 0;
  while (i + lanes <= count) {
    auto sums = hn::Zero(di);
    for (std::size_t n = 0; n < squares_per_lane && i + lanes <= count; ++n, i += lanes) {
      const auto difference = rounded_error(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i));
      sums = hn::Add(sums, hn::Mul(difference, difference));
    }
    alignas(64) std::int32_t parts[16];
    hn::Store(sums, di, parts);
    for (std::size_t lane = 0; lane < lanes; ++lane) total += parts[lane];
  }
  for (; i < count; ++i) {
    const auto difference = static_cast<std::int64_t>(std::nearbyint((a[i] - b[i]) * 0x1p12F));
    total += difference * difference;
  }
  return total;
}

HWY_ATTR void AddDifference(const Real* a, const Real* b, std::size_t count, Real* sums) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto sum = hn::Add(hn::LoadU(d, sums + i), hn::LoadU(d, a + i));
    hn::StoreU(hn::Sub(sum, hn::LoadU(d, b + i)), d, sums + i);
  });
}

HWY_ATTR void AddValues(const Real* values, std::size_t count, Real* sums) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, sums + i), hn::LoadU(d, values + i)), d, sums + i);
  });
}

HWY_ATTR void Weigh(const Real* values, Real weight, std::size_t count, ProbabilityRounding rounding, Real* weighed) {
  const GridFactors grid(rounding.grid);
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto product = hn::Mul(hn::LoadU(d, values + i), hn::Set(d, weight));
    hn::StoreU(round_probability(d, product, rounding.exact, grid), d, weighed + i);
  });
}

/// The sum of numbers in one order on all processors: number i is added to sum i % 16, which are added pair by pair.
class SumByPlaces {
 public:
  /// The numbers from i on, a multiple of the length of the vector.
  template <class D, class V>
  HWY_INLINE void add(D d, std::size_t i, V numbers) {
    Real* const places = places_ + i % count;
    hn::StoreU(hn::Add(hn::LoadU(d, places), numbers), d, places);
  }
  HWY_INLINE Real total() {
    for (std::size_t half = count / 2; half > 0; half /= 2) {
      for (std::size_t k = 0; k < half; ++k) places_[k] += places_[k + half];
    }
    return places_[0];
  }

 private:
  static constexpr std::size_t count = 16;
  alignas(64) Real places_[count] = {};
};

HWY_ATTR Real CentreGradient(const CentredRow& row, std::size_t count, Real* data, const Real* model,
                             Real* column_sums) {
  SumByPlaces sum;
  for_each_vector(count, [&](auto d, std::size_t j) HWY_ATTR {
    const auto offsets = hn::LoadU(d, row.offsets + j);
    const auto of_data = hn::Mul(hn::LoadU(d, data + j), hn::Set(d, row.data_share));
    const auto of_model = hn::Mul(hn::LoadU(d, model + j), hn::Set(d, row.model_share));
    const auto plain = hn::Sub(of_data, of_model);
    const auto less_bias = hn::Sub(plain, hn::Mul(hn::Set(d, row.bias), offsets));
    const auto gradient = hn::Sub(less_bias, hn::Mul(hn::Set(d, row.offset), hn::LoadU(d, row.biases + j)));
    hn::StoreU(gradient, d, data + j);
    const auto column = hn::Mul(hn::Set(d, row.offset), gradient);
    hn::StoreU(hn::Add(hn::LoadU(d, column_sums + j), column), d, column_sums + j);
    sum.add(d, j, hn::Mul(gradient, offsets));
  });
  return sum.total();
}

/// The gradient that an optimizer follows. `all`: with the terms that hardly anybody asks for, which take no time else.
template <bool all, class D, class V>
HWY_INLINE V gradient_of(D d, const GradientTerms& terms, V sums, V parameters) {
  const V cost = hn::Mul(hn::Set(d, terms.weight_cost), parameters);
  V gradient = hn::Mul(sums, hn::Set(d, terms.sample_share));
  if constexpr (all) {
    // What is not a number stays so, and is found.
    const V limit = hn::Set(d, terms.clip > 0 ? terms.clip : std::numeric_limits<Real>::infinity());
    gradient = hn::IfThenElse(hn::Gt(hn::Abs(gradient), limit), hn::CopySign(limit, gradient), gradient);
  }
  gradient = hn::Sub(gradient, cost);
  if constexpr (all) {
    const V zero = hn::Zero(d);
    const V pull = hn::CopySign(hn::Set(d, terms.l1), parameters);
    gradient = hn::Sub(gradient, hn::IfThenElse(hn::Eq(parameters, zero), zero, pull));
  }
  return gradient;
}

/// body(gradient_of), as these terms want it.
template <class Body>
HWY_INLINE void with_gradient(const GradientTerms& terms, const Body& body) {
  if (terms.l1 == 0 && terms.clip == 0) {
    body([&](auto d, auto sums, auto parameters) HWY_ATTR { return gradient_of<false>(d, terms, sums, parameters); });
  } else {
    body([&](auto d, auto sums, auto parameters) HWY_ATTR { return gradient_of<true>(d, terms, sums, parameters); });
  }
}

HWY_ATTR void MomentumUpdate(const MomentumStep& step, const Real* sums, std::size_t count, Real* velocity,
                             Real* parameters) {
  with_gradient(step.gradient, [&](const auto& gradient_of_sums) HWY_ATTR {
    for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
      const auto parameter = hn::LoadU(d, parameters + i);
      const auto gradient = gradient_of_sums(d, hn::LoadU(d, sums + i), parameter);
      const auto speed = hn::Add(hn::Mul(hn::Set(d, step.momentum), hn::LoadU(d, velocity + i)), gradient);
      hn::StoreU(speed, d, velocity + i);
      hn::StoreU(hn::Add(parameter, hn::Mul(hn::Set(d, step.learning_rate), speed)), d, parameters + i);
    });
  });
}

HWY_ATTR void AdamUpdate(const AdamStep& step, const Real* sums, std::size_t count, Real* first_moment,
                         Real* second_moment, Real* parameters) {
  with_gradient(step.gradient, [&](const auto& gradient_of_sums) HWY_ATTR {
    for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
      const auto parameter = hn::LoadU(d, parameters + i);
      const auto gradient = gradient_of_sums(d, hn::LoadU(d, sums + i), parameter);
      auto first = hn::LoadU(d, first_moment + i);
      auto second = hn::LoadU(d, second_moment + i);
      first = hn::Add(first, hn::Mul(hn::Set(d, step.first_share), hn::Sub(gradient, first)));
      second = hn::Add(second, hn::Mul(hn::Set(d, step.second_share), hn::Sub(hn::Mul(gradient, gradient), second)));
      hn::StoreU(first, d, first_moment + i);
      hn::StoreU(second, d, second_moment + i);
      const auto size = hn::Add(hn::Sqrt(second), hn::Set(d, step.epsilon));
      const auto change = hn::Div(hn::Mul(hn::Set(d, step.learning_rate), first), size);
      hn::StoreU(hn::Add(parameter, change), d, parameters + i);
    });
  });
}

HWY_ATTR void RmspropUpdate(const RmspropStep& step, const Real* sums, std::size_t count, Real* mean_square,
                            Real* parameters) {
  with_gradient(step.gradient, [&](const auto& gradient_of_sums) HWY_ATTR {
    for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
      const auto parameter = hn::LoadU(d, parameters + i);
      const auto gradient = gradient_of_sums(d, hn::LoadU(d, sums + i), parameter);
      auto mean = hn::LoadU(d, mean_square + i);
      mean = hn::Add(mean, hn::Mul(hn::Set(d, step.square_share), hn::Sub(hn::Mul(gradient, gradient), mean)));
      hn::StoreU(mean, d, mean_square + i);
      const auto size = hn::Add(hn::Sqrt(mean), hn::Set(d, step.epsilon));
      const auto change = hn::Div(hn::Mul(hn::Set(d, step.learning_rate), gradient), size);
      hn::StoreU(hn::Add(parameter, change), d, parameters + i);
    });
  });
}

HWY_ATTR void CossimUpdate(const CossimStep& step, const Real* sums, std::size_t count, std::size_t group,
                           Real* last_gradient, Real* parameters, Real* products) {
  with_gradient(step.gradient, [&](const auto& gradient_of_sums) HWY_ATTR {
    for (std::size_t first = 0; first < count; first += group, ++products) {
      SumByPlaces sum;
      for_each_vector(std::min(group, count - first), [&](auto d, std::size_t number) HWY_ATTR {
        const std::size_t i = first + number;
        const auto parameter = hn::LoadU(d, parameters + i);
        const auto gradient = gradient_of_sums(d, hn::LoadU(d, sums + i), parameter);
        const auto product = hn::Mul(gradient, hn::LoadU(d, last_gradient + i));
        sum.add(d, number, product);
        hn::StoreU(gradient, d, last_gradient + i);
        hn::StoreU(hn::Add(parameter, hn::Mul(hn::Set(d, step.learning_rate), gradient)), d, parameters + i);
      });
      *products = sum.total();
    }
  });
}

const char* TargetName() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(ScaleBytes);
HWY_EXPORT(ScaleFloats);
HWY_EXPORT(Activate);
HWY_EXPORT(Sample);
HWY_EXPORT(FirstWords);
HWY_EXPORT(SquaredError);
HWY_EXPORT(AddDifference);
HWY_EXPORT(AddValues);
HWY_EXPORT(Weigh);
HWY_EXPORT(CentreGradient);
HWY_EXPORT(MomentumUpdate);
HWY_EXPORT(AdamUpdate);
HWY_EXPORT(RmspropUpdate);
HWY_EXPORT(CossimUpdate);
HWY_EXPORT(TargetName);

void scale_to_probabilities(const std::uint8_t* values, double scale, std::size_t count, ProbabilityRounding rounding,
                            Real* probabilities) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleBytes)(values, scale, count, rounding, probabilities);
}

void scale_to_probabilities(const float* values, double scale, std::size_t count, ProbabilityRounding rounding,
                            Real* probabilities) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleFloats)(values, scale, count, rounding, probabilities);
}

void scale_to_probabilities(const double* values, double scale, std::size_t count, ProbabilityRounding rounding,
                            Real* probabilities) noexcept {
  // Rare enough for a plain loop: double-precision samples are twice the size for nothing that an RBM could use.
  const auto up = std::ldexp(Real{1}, rounding.grid.exponent);
  const auto down = std::ldexp(Real{1}, -rounding.grid.exponent);
  for (std::size_t i = 0; i < count; ++i) {
    const auto p = static_cast<Real>(values[i] / scale);
    probabilities[i] = rounding.exact ? std::nearbyint(p * up) * down : p;
  }
}

void activate(Real* fields, const Real* bias, std::size_t count, ProbabilityRounding rounding) noexcept {
  HWY_DYNAMIC_DISPATCH(Activate)(fields, bias, count, rounding);
}

void sample(const Real* probabilities, std::size_t count, const RandomStream& stream, Real* states) noexcept {
  HWY_DYNAMIC_DISPATCH(Sample)(probabilities, count, stream, states);
}

void first_words(const RandomStream& stream, std::uint32_t* words, std::size_t count) noexcept {
  HWY_DYNAMIC_DISPATCH(FirstWords)(stream, words, count);
}

std::int64_t squared_error(const Real* a, const Real* b, std::size_t count) noexcept {
  return HWY_DYNAMIC_DISPATCH(SquaredError)(a, b, count);
}

void add_difference(const Real* a, const Real* b, std::size_t count, Real* sums) noexcept {
  HWY_DYNAMIC_DISPATCH(AddDifference)(a, b, count, sums);
}

void add_values(const Real* values, std::size_t count, Real* sums) noexcept {
  HWY_DYNAMIC_DISPATCH(AddValues)(values, count, sums);
}

void weigh(const Real* values, Real weight, std::size_t count, ProbabilityRounding rounding, Real* weighed) noexcept {
  HWY_DYNAMIC_DISPATCH(Weigh)(values, weight, count, rounding, weighed);
}

Real centre_gradient(const CentredRow& row, std::size_t count, Real* data, const Real* model,
                     Real* column_sums) noexcept {
  return HWY_DYNAMIC_DISPATCH(CentreGradient)(row, count, data, model, column_sums);
}

void momentum_update(const MomentumStep& step, const Real* sums, std::size_t count, Real* velocity,
                     Real* parameters) noexcept {
  HWY_DYNAMIC_DISPATCH(MomentumUpdate)(step, sums, count, velocity, parameters);
}

void adam_update(const AdamStep& step, const Real* sums, std::size_t count, Real* first_moment, Real* second_moment,
                 Real* parameters) noexcept {
  HWY_DYNAMIC_DISPATCH(AdamUpdate)(step, sums, count, first_moment, second_moment, parameters);
}

void rmsprop_update(const RmspropStep& step, const Real* sums, std::size_t count, Real* mean_square,
                    Real* parameters) noexcept {
  HWY_DYNAMIC_DISPATCH(RmspropUpdate)(step, sums, count, mean_square, parameters);
}

void cossim_update(const CossimStep& step, const Real* sums, std::size_t count, std::size_t group, Real* last_gradient,
                   Real* parameters, Real* products) noexcept {
  HWY_DYNAMIC_DISPATCH(CossimUpdate)(step, sums, count, group, last_gradient, parameters, products);
}

bool all_finite(const Real* values, std::size_t count) noexcept {
  // Exponent bits all set mean infinity or NaN; the largest exponent is a reduction that compilers vectorise.
  constexpr std::uint32_t exponent_bits = 0x7F800000U;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & exponent_bits);
  }
  return largest != exponent_bits;
}

const char* simd_target() noexcept {
  return HWY_DYNAMIC_DISPATCH(TargetName)();
}

}  // namespace rbmpi
#endif  // HWY_ONCE
