#include "rbmpi/core/state_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/state_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
//
#include "core/elementwise-inl.hpp"
#include "core/sampling-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Draws the states of `count` units, in order. draw_vectors(tag, i, n, bytes) gives, as bits, those of n vectors of
/// units from i on, n a constant; `bytes` are their random bytes. Calls end_of_word() after each 64 units, and after
/// the last.
template <class DrawVectors, class EndOfWord>
HWY_INLINE void draw_states(std::size_t count, const RandomStream& stream, std::uint64_t* states,
                            const DrawVectors& draw_vectors, const EndOfWord& end_of_word) {
  alignas(64) std::uint8_t bytes[random_group];
  for (std::size_t first = 0; first < count; first += random_group) {
    const std::size_t end = std::min(first + random_group, count);
    random_bytes(stream, static_cast<std::uint32_t>(first / 16), end - first, bytes);
    for (std::size_t word = first; word < end; word += 64) {
      std::uint64_t on = 0;
      for_each_vectors(std::min<std::size_t>(end - word, 64), [&](auto d, std::size_t i, auto n) HWY_ATTR {
        on |= draw_vectors(d, word + i, n, bytes + (word + i - first)) << i;
      });
      states[word / 64] = on;
      end_of_word();
    }
  }
}

/// The same, where fill(tag, i, p) puts the probabilities of the units from i on into the vectors p.
template <class Fill, class EndOfWord>
HWY_INLINE void sample_states(std::size_t count, const RandomStream& stream, std::uint64_t* states, const Fill& fill,
                              const EndOfWord& end_of_word) {
  const auto draw_vectors = [&](auto d, std::size_t unit, auto n, const std::uint8_t* bytes) HWY_ATTR {
    hn::Vec<decltype(d)> p[n];
    fill(d, unit, p);
    return draw(d, p, bytes, stream, unit);
  };
  draw_states(count, stream, states, draw_vectors, end_of_word);
}

template <class Fill>
HWY_INLINE void sample_states(std::size_t count, const RandomStream& stream, std::uint64_t* states, const Fill& fill) {
  sample_states(count, stream, states, fill, [] {});
}

template <class D>
HWY_INLINE hn::Vec<D> load_numbers(D d, const float* values) {
  return hn::LoadU(d, values);
}

template <typename Value>
HWY_INLINE void scale_numbers_and_sample(const Value* values, double scale, std::size_t count,
                                         ProbabilityRounding rounding, const RandomStream& stream, Real* probabilities,
                                         std::uint64_t* states) {
  const GridFactors grid(rounding.grid);
  const auto divisor = static_cast<Real>(scale);
  sample_states(count, stream, states, [&](auto d, std::size_t i, auto& p) HWY_ATTR {
    for (auto& vector : p) {
      const auto quotient = hn::Div(load_numbers(d, values + i), hn::Set(d, divisor));
      vector = round_probability(d, quotient, rounding.exact, grid);
      hn::StoreU(vector, d, probabilities + i);
      i += hn::Lanes(d);
    }
  });
}

HWY_FLATTEN HWY_ATTR void ScaleAndSampleBytes(const std::uint8_t* values, double scale, std::size_t count,
                                              ProbabilityRounding rounding, const RandomStream& stream,
                                              Real* probabilities, std::uint64_t* states) {
  scale_numbers_and_sample(values, scale, count, rounding, stream, probabilities, states);
}

HWY_FLATTEN HWY_ATTR void ScaleAndSampleFloats(const float* values, double scale, std::size_t count,
                                               ProbabilityRounding rounding, const RandomStream& stream,
                                               Real* probabilities, std::uint64_t* states) {
  scale_numbers_and_sample(values, scale, count, rounding, stream, probabilities, states);
}

HWY_FLATTEN HWY_ATTR void SampleStates(const Real* probabilities, std::size_t count, const RandomStream& stream,
                                       std::uint64_t* states) {
  sample_states(count, stream, states, [&](auto d, std::size_t i, auto& p) HWY_ATTR {
    for (auto& vector : p) {
      vector = hn::LoadU(d, probabilities + i);
      i += hn::Lanes(d);
    }
  });
}

/// The states of vectors of units, as draw() finds them for p = sigmoid(fields + bias), mostly without the sigmoid.
/// With 1 / p = 1 + exp(-x) known to a relative error of `inverse_sigmoid_margin`, most bytes are surely below 256 p or
/// surely above. For one in some 250 the rest of the random number decides, and where that is too close as well, p
/// itself.
template <class D, std::size_t count>
HWY_INLINE std::uint64_t draw_activated(D d, std::integral_constant<std::size_t, count> n, const Real* fields,
                                        const Real* bias, const std::uint8_t* bytes, const RandomStream& stream,
                                        std::size_t unit) {
  constexpr std::size_t lanes = hn::MaxLanes(D());
  hn::Vec<D> inverse[n];
  inverse_sigmoid_bound(d, fields, bias, inverse);
  std::uint64_t on = 0;
  std::uint64_t not_off = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const auto drawn = load_numbers(d, bytes + k * lanes);
    const auto surely_on = hn::Set(d, 256.0F * (1.0F - inverse_sigmoid_margin));
    const auto surely_off = hn::Set(d, 256.0F * (1.0F + inverse_sigmoid_margin));
    on |= mask_bits(d, hn::Le(hn::MulAdd(drawn, inverse[k], inverse[k]), surely_on)) << (k * lanes);
    not_off |= mask_bits(d, hn::Le(hn::Mul(drawn, inverse[k]), surely_off)) << (k * lanes);
  }
  std::uint64_t open = not_off & ~on;
  if (HWY_UNLIKELY(open != 0)) {
    alignas(64) Real inverses[count * lanes];
    for (std::size_t k = 0; k < count; ++k) hn::Store(inverse[k], d, inverses + k * lanes);
    for (; open != 0; open &= open - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(open));
      constexpr Real error = 512.0F * inverse_sigmoid_margin;  // twice the most by which 256 / inverse is wrong
      const Real distance = 256.0F / inverses[lane] - bytes[lane] - refined(stream, unit + lane);
      if (std::abs(distance) > error) {
        on |= std::uint64_t{distance > 0} << lane;
      } else {
        const hn::CappedTag<Real, 1> one;
        hn::Vec<decltype(one)> p[1];
        activate(one, fields + lane, bias + lane, false, GridFactors({}), p);
        on |= draw(one, p, bytes + lane, stream, unit + lane) << lane;
      }
    }
  }
  return on;
}

HWY_FLATTEN HWY_ATTR void ActivateAndSample(const Real* fields, const Real* bias, std::size_t count,
                                            const RandomStream& stream, std::uint64_t* states) {
  const auto draw_vectors = [&](auto d, std::size_t i, auto n, const std::uint8_t* bytes)
                                HWY_ATTR { return draw_activated(d, n, fields + i, bias + i, bytes, stream, i); };
  draw_states(count, stream, states, draw_vectors, [] {});
}

HWY_FLATTEN HWY_ATTR void ActivateSampleAndKeep(const Real* fields, const Real* bias, std::size_t count,
                                                ProbabilityRounding rounding, const RandomStream& stream,
                                                Real* probabilities, std::uint64_t* states) {
  constexpr bool exact = false;
  const GridFactors grid(rounding.grid);
  sample_states(count, stream, states, [&](auto d, std::size_t i, auto& p) HWY_ATTR {
    activate(d, fields + i, bias + i, exact, grid, p);
    for (const auto& vector : p) {
      hn::StoreU(round_probability(d, vector, rounding.exact, grid), d, probabilities + i);
      i += hn::Lanes(d);
    }
  });
}

HWY_FLATTEN HWY_ATTR std::int64_t Reconstruct(const Real* fields, const Real* bias, const Real* data, std::size_t count,
                                              ProbabilityRounding rounding, const RandomStream& stream,
                                              std::uint64_t* states, Real* differences) {
  const GridFactors grid(rounding.grid);
  // The squares of a word of units, 64 of at most 2^24 each, so that 32 bits hold their sum. Vectors of all lengths add
  // to the first of these lanes.
  const hn::CappedTag<std::int32_t, 16> longest;
  alignas(64) std::int32_t squares[16] = {};
  std::int64_t total = 0;
  const auto fill = [&](auto d, std::size_t i, auto& p) HWY_ATTR {
    activate(d, fields + i, bias + i, rounding.exact, grid, p);
    const hn::RebindToSigned<decltype(d)> di;
    auto sum = hn::Load(di, squares);
    for (const auto& vector : p) {
      const auto wanted = hn::LoadU(d, data + i);
      hn::StoreU(hn::Sub(hn::Add(hn::LoadU(d, differences + i), wanted), vector), d, differences + i);
      const auto error = rounded_error(d, wanted, vector);
      sum = hn::Add(sum, hn::Mul(error, error));
      i += hn::Lanes(d);
    }
    hn::Store(sum, di, squares);
  };
  sample_states(count, stream, states, fill, [&]() HWY_ATTR {
    total += hn::GetLane(hn::SumOfLanes(longest, hn::Load(longest, squares)));
    hn::Store(hn::Zero(longest), longest, squares);
  });
  return total;
}

HWY_FLATTEN HWY_ATTR void ActivateAndSubtract(const Real* fields, const Real* bias, const std::uint64_t* states,
                                              std::size_t count, ProbabilityRounding rounding, Real* probabilities,
                                              Real* differences) {
  const GridFactors grid(rounding.grid);
  for_each_vectors(count, [&](auto d, std::size_t i, auto n) HWY_ATTR {
    hn::Vec<decltype(d)> p[n];
    activate(d, fields + i, bias + i, rounding.exact, grid, p);
    for (const auto& vector : p) {
      hn::StoreU(vector, d, probabilities + i);
      const auto state = states_in(d, states[i / 64] >> (i % 64));
      hn::StoreU(hn::Sub(hn::Add(hn::LoadU(d, differences + i), state), vector), d, differences + i);
      i += hn::Lanes(d);
    }
  });
}

HWY_FLATTEN HWY_ATTR void StatesToNumbers(const std::uint64_t* states, std::size_t count, Real* numbers) {
  for_each_vector(count, [&](auto d, std::size_t i)
                             HWY_ATTR { hn::StoreU(states_in(d, states[i / 64] >> (i % 64)), d, numbers + i); });
}

/// In each pair of words k and k + distance of 64 words, exchanges the bits of word k whose index has the bit
/// `distance` with those of the other whose index has it not.
template <int distance>
HWY_INLINE void exchange_halves(std::uint64_t* words) {
  const hn::CappedTag<std::uint64_t, 8> d;
  constexpr std::uint64_t lower = ~std::uint64_t{0} / ((std::uint64_t{1} << distance) + 1);
  for (std::size_t pair = 0; pair < 64; pair += std::size_t{2} * distance) {
    for (std::size_t k = pair; k < pair + distance; k += hn::Lanes(d)) {
      const auto a = hn::Load(d, words + k);
      const auto b = hn::Load(d, words + k + distance);
      const auto differing = hn::And(hn::Xor(hn::ShiftRight<distance>(a), b), hn::Set(d, lower));
      hn::Store(hn::Xor(a, hn::ShiftLeft<distance>(differing)), d, words + k);
      hn::Store(hn::Xor(b, differing), d, words + k + distance);
    }
  }
}

/// columns[c] = bit c of the 64 words, bit r of it being that of word r. The words are given, and lost, with word r at
/// block[8 (r % 8) + r / 8]: after three exchanges byte r of words 8 c to 8 c + 7 holds bits 8 c to 8 c + 7 of word r,
/// and the sign bits of 64 bytes are a column.
HWY_INLINE void transpose_block(std::uint64_t* block, std::uint64_t* columns) {
  exchange_halves<32>(block);
  exchange_halves<16>(block);
  exchange_halves<8>(block);
  const hn::CappedTag<std::int8_t, 64> d;
  const auto* const bytes = reinterpret_cast<const std::int8_t*>(block);
  std::fill_n(columns, 64, std::uint64_t{0});
  for (std::size_t c = 0; c < 64; c += 8) {
    for (std::size_t part = 0; part < 64; part += hn::Lanes(d)) {
      auto rest = hn::Load(d, bytes + 8 * c + part);
      for (std::size_t bit = 8; bit-- > 0;) {
        columns[c + bit] |= mask_bits(d, hn::Lt(rest, hn::Zero(d))) << part;
        rest = hn::Add(rest, rest);
      }
    }
  }
}

HWY_FLATTEN HWY_ATTR void Transpose(ConstBitMatrixView from, std::size_t first_word, std::size_t words,
                                    BitMatrixView to) {
  const std::size_t end_word = std::min(first_word + words, from.row_words());
  for (std::size_t word = first_word; word < end_word; ++word) {
    const std::size_t columns_here = std::min<std::size_t>(from.columns - 64 * word, 64);
    for (std::size_t row = 0; row < from.rows; row += 64) {
      alignas(64) std::uint64_t block[64] = {};
      alignas(64) std::uint64_t columns[64];
      const std::size_t rows_here = std::min<std::size_t>(from.rows - row, 64);
      for (std::size_t r = 0; r < rows_here; ++r) block[r % 8 * 8 + r / 8] = from.row(row + r)[word];
      transpose_block(block, columns);
      for (std::size_t c = 0; c < columns_here; ++c) to.row(64 * word + c)[row / 64] = columns[c];
    }
  }
}

/// Transposes the n x n numbers of n vectors of n lanes, n = 1, 4, 8 or 16.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void transpose_numbers([[maybe_unused]] D d, [[maybe_unused]] V* rows) {
#if HWY_TARGET != HWY_SCALAR  // which has no shuffles; one number is its own transpose
  constexpr std::size_t lanes = hn::MaxLanes(D());
  // 4 x 4 within each block of 128 bits: then vector 4 g + k has column 4 b + k of rows 4 g to 4 g + 3 in its block b.
  if constexpr (lanes >= 4) {
    for (std::size_t g = 0; g < lanes; g += 4) {
      const V low_even = hn::InterleaveLower(d, rows[g], rows[g + 2]);
      const V low_odd = hn::InterleaveLower(d, rows[g + 1], rows[g + 3]);
      const V high_even = hn::InterleaveUpper(d, rows[g], rows[g + 2]);
      const V high_odd = hn::InterleaveUpper(d, rows[g + 1], rows[g + 3]);
      rows[g] = hn::InterleaveLower(d, low_even, low_odd);
      rows[g + 1] = hn::InterleaveUpper(d, low_even, low_odd);
      rows[g + 2] = hn::InterleaveLower(d, high_even, high_odd);
      rows[g + 3] = hn::InterleaveUpper(d, high_even, high_odd);
    }
  }
  // The same with the blocks of vectors k, 4 + k, ... as elements: 2 x 2 of them, or 4 x 4.
  if constexpr (lanes == 8) {
    for (std::size_t k = 0; k < 4; ++k) {
      const V a = rows[k];
      const V b = rows[4 + k];
      rows[k] = hn::ConcatLowerLower(d, b, a);
      rows[4 + k] = hn::ConcatUpperUpper(d, b, a);
    }
  } else if constexpr (lanes == 16) {
    for (std::size_t k = 0; k < 4; ++k) {
      const V a = rows[k];
      const V b = rows[4 + k];
      const V c = rows[8 + k];
      const V e = rows[12 + k];
      const V ab_even = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(b), a);
      const V ab_odd = hn::OddEvenBlocks(b, hn::SwapAdjacentBlocks(a));
      const V ce_even = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(e), c);
      const V ce_odd = hn::OddEvenBlocks(e, hn::SwapAdjacentBlocks(c));
      rows[k] = hn::ConcatLowerLower(d, ce_even, ab_even);
      rows[4 + k] = hn::ConcatLowerLower(d, ce_odd, ab_odd);
      rows[8 + k] = hn::ConcatUpperUpper(d, ce_even, ab_even);
      rows[12 + k] = hn::ConcatUpperUpper(d, ce_odd, ab_odd);
    }
  }
#endif
}

/// ceil(2^8 |w|)
template <class D, class V>
HWY_INLINE V weight_norm(D d, V w) {
  static_assert(norm_exponent == 8);
  return hn::Ceil(hn::Mul(hn::Abs(w), hn::Set(d, 0x1p8F)));
}

/// One call of round_weights().
class WeightRounder {
 public:
  WeightRounder(ConstMatrixView weights, const RoundedWeights& rounded)
      : weights_(weights), rounded_(rounded), up_factors_(rounded.up_grid), down_factors_(rounded.down_grid) {}

  /// Returns the largest norm of a row.
  HWY_INLINE Real round() const {
    Real largest = 0;
    std::size_t i = 0;
    for (; i + 16 <= weights_.rows; i += 16) largest = std::max(largest, round_rows<16>(i));
    for (; i + 4 <= weights_.rows; i += 4) largest = std::max(largest, round_rows<4>(i));
    for (; i < weights_.rows; ++i) largest = std::max(largest, round_rows<1>(i));
    return largest;
  }

 private:
  /// `count` rows from row i on; returns their largest norm. First the rows one after the other, which suits the
  /// processor's prefetching, then their transpose while they are still in a near cache.
  template <std::size_t count>
  HWY_INLINE Real round_rows(std::size_t i) const {
    constexpr std::size_t columns_at_once = 1024;
    alignas(64) Real row_norms[count] = {};
    for (std::size_t first = 0; first < weights_.columns; first += columns_at_once) {
      const std::size_t columns = std::min(columns_at_once, weights_.columns - first);
      for (std::size_t row = i; row < i + count; ++row) round_up(row, first, columns);
      for_each_vector<count>(columns, [&](auto d, std::size_t j) HWY_ATTR {
        for (std::size_t row = 0; row < count; row += hn::Lanes(d)) {
          round_square_down(d, i + row, first + j, row_norms + row);
        }
      });
    }
    Real largest = 0;
    for (const Real norm : row_norms) {
      largest = std::isfinite(norm) ? std::max(largest, norm) : std::numeric_limits<Real>::infinity();
    }
    return largest;
  }

  /// The weights of row i, and their norms, from column `first` on.
  HWY_INLINE void round_up(std::size_t i, std::size_t first, std::size_t columns) const {
    const Real* const weights = weights_.row(i) + first;
    Real* const up = rounded_.up + i * weights_.columns + first;
    Real* const norms = rounded_.column_norms + first;
    for_each_vector(columns, [&](auto d, std::size_t j) HWY_ATTR {
      const auto weight = hn::LoadU(d, weights + j);
      hn::StoreU(round_to(d, weight, up_factors_), d, up + j);
      hn::StoreU(hn::Add(hn::LoadU(d, norms + j), weight_norm(d, weight)), d, norms + j);
    });
  }

  /// The square of weights, as wide as a vector, from row i and column j on. Adds the norms of its rows to `row_norms`.
  template <class D>
  HWY_INLINE void round_square_down(D d, std::size_t i, std::size_t j, Real* row_norms) const {
    constexpr std::size_t lanes = hn::MaxLanes(D());
    hn::Vec<D> square[lanes];
    for (std::size_t k = 0; k < lanes; ++k) square[k] = hn::LoadU(d, weights_.row(i + k) + j);
    transpose_numbers(d, square);
    auto norms = hn::LoadU(d, row_norms);
    for (std::size_t k = 0; k < lanes; ++k) {
      hn::StoreU(round_to(d, square[k], down_factors_), d, rounded_.down + (j + k) * rounded_.down_stride + i);
      norms = hn::Add(norms, weight_norm(d, square[k]));
    }
    hn::StoreU(norms, d, row_norms);
  }

  ConstMatrixView weights_;
  const RoundedWeights& rounded_;
  GridFactors up_factors_;
  GridFactors down_factors_;
};

HWY_FLATTEN HWY_ATTR Real RoundWeights(ConstMatrixView weights, const RoundedWeights& rounded) {
  return WeightRounder(weights, rounded).round();
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(ScaleAndSampleBytes);
HWY_EXPORT(ScaleAndSampleFloats);
HWY_EXPORT(SampleStates);
HWY_EXPORT(ActivateAndSample);
HWY_EXPORT(ActivateSampleAndKeep);
HWY_EXPORT(Reconstruct);
HWY_EXPORT(ActivateAndSubtract);
HWY_EXPORT(StatesToNumbers);
HWY_EXPORT(Transpose);
HWY_EXPORT(RoundWeights);

void scale_and_sample(const std::uint8_t* values, double scale, std::size_t count, ProbabilityRounding rounding,
                      const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleAndSampleBytes)(values, scale, count, rounding, stream, probabilities, states);
}

void scale_and_sample(const float* values, double scale, std::size_t count, ProbabilityRounding rounding,
                      const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleAndSampleFloats)(values, scale, count, rounding, stream, probabilities, states);
}

void scale_and_sample(const double* values, double scale, std::size_t count, ProbabilityRounding rounding,
                      const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept {
  scale_to_probabilities(values, scale, count, rounding, probabilities);
  HWY_DYNAMIC_DISPATCH(SampleStates)(probabilities, count, stream, states);
}

void activate_and_sample(const Real* fields, const Real* bias, std::size_t count, const RandomStream& stream,
                         std::uint64_t* states) noexcept {
  HWY_DYNAMIC_DISPATCH(ActivateAndSample)(fields, bias, count, stream, states);
}

void activate_and_sample(const Real* fields, const Real* bias, std::size_t count, ProbabilityRounding rounding,
                         const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept {
  HWY_DYNAMIC_DISPATCH(ActivateSampleAndKeep)(fields, bias, count, rounding, stream, probabilities, states);
}

std::int64_t reconstruct(const Real* fields, const Real* bias, const Real* data, std::size_t count,
                         ProbabilityRounding rounding, const RandomStream& stream, std::uint64_t* states,
                         Real* differences) noexcept {
  return HWY_DYNAMIC_DISPATCH(Reconstruct)(fields, bias, data, count, rounding, stream, states, differences);
}

void activate_and_subtract(const Real* fields, const Real* bias, const std::uint64_t* states, std::size_t count,
                           ProbabilityRounding rounding, Real* probabilities, Real* differences) noexcept {
  HWY_DYNAMIC_DISPATCH(ActivateAndSubtract)(fields, bias, states, count, rounding, probabilities, differences);
}

void states_to_numbers(const std::uint64_t* states, std::size_t count, Real* numbers) noexcept {
  HWY_DYNAMIC_DISPATCH(StatesToNumbers)(states, count, numbers);
}

void transpose(ConstBitMatrixView from, std::size_t first_word, std::size_t words, BitMatrixView to) noexcept {
  HWY_DYNAMIC_DISPATCH(Transpose)(from, first_word, words, to);
}

Real round_weights(ConstMatrixView weights, const RoundedWeights& rounded) noexcept {
  return HWY_DYNAMIC_DISPATCH(RoundWeights)(weights, rounded);
}

}  // namespace rbmpi
#endif  // HWY_ONCE
