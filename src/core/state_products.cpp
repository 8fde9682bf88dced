#include "rbmpi/core/state_products.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <type_traits>

// The rows of a product are sums of the rows of a matrix that are on. The matrix is taken in pieces of some hundred
// rows and the columns of four to eight registers, copied to a panel that stays in the first-level cache while all
// states pass. A state of such a piece becomes a list of rows of the panel, made once for all columns. The same loop
// over lists serves three methods, which differ in what the rows of the panel are:
//   ones    the rows of the matrix; the list names those that are on
//   zeros   the rows of the matrix, negated, and their total; the list names the total and those that are off
//   tables  the sums of all 16 subsets of each four rows; the list names one subset for each four rows
// The last is the method of four Russians (Arlazarov, Dinic, Kronrod, Faradzhev 1970): a quarter of the additions,
// however many states are on. All sums are exact, so the methods give the same bits; also those of a zero, since a sum
// that starts from +0 never becomes -0.

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/state_products.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// A row of a panel: four vectors of 512 bits, or eight of 256.
constexpr std::size_t row_bytes = 256;
/// Units (rows of the matrix) of a piece whose states are listed one by one: a panel of 41 KB. More than a first-level
/// cache of 32 KB has, but its rows come in order, and each list costs as much as some ten of its entries.
constexpr std::size_t list_units = 160;
/// Those of a piece with tables: a panel of 56 KB, from the second-level cache, but the lists are not too short.
constexpr std::size_t table_units = 56;
constexpr std::size_t panel_rows = std::max(list_units + 2, table_units * 4);
/// Rows of states whose lists are made at a time.
constexpr std::size_t states_at_once = 256;
/// The rows that are summed at once, of which a list holds a multiple.
constexpr std::size_t list_multiple = 2;

enum class Method { ones, zeros, tables };
enum class Update { set, add, subtract };

/// The positions of the bits that are on in each byte, one to a byte, the first in the lowest.
constexpr std::array<std::uint64_t, 256> make_positions() {
  std::array<std::uint64_t, 256> all{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    int found = 0;
    for (std::uint64_t bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1U) != 0) all[byte] |= bit << (8 * found++);
    }
  }
  return all;
}
constexpr std::array<std::uint64_t, 256> positions = make_positions();

/// The states of units [first, first + units) of rows [first_row, first_row + rows); `first` is a multiple of 8.
struct Piece {
  ConstBitMatrixView states;
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first = 0;
  std::size_t units = 0;

  [[nodiscard]] std::size_t byte_count() const { return (units + 7) / 8; }
  [[nodiscard]] const unsigned char* bytes(std::size_t row) const {
    return reinterpret_cast<const unsigned char*>(states.row(first_row + row)) + first / 8;
  }
};

/// A list of rows of the panel for each state, filled up with a row of zeros to an even length.
struct Lists {
  static constexpr std::size_t longest = list_units + 16;  // and room for what is written behind the end
  std::uint16_t begin[states_at_once + 1];
  std::uint8_t entries[states_at_once * longest];
};

/// Lists the states of a piece that are on, or (with the row of the total before them) off. Returns how
/// many are listed.
template <Method method>
HWY_INLINE std::size_t list_states(const Piece& piece, Lists& lists) {
  constexpr unsigned flip = method == Method::zeros ? 0xFFU : 0U;
  const auto zero_row = static_cast<std::uint8_t>(piece.units);
  const std::size_t last = piece.byte_count() - 1;
  const unsigned last_mask = 0xFFU >> (8 * piece.byte_count() - piece.units);
  std::size_t listed = 0;
  std::uint8_t* out = lists.entries;
  const std::uint64_t filling = zero_row * 0x0101010101010101U;
  for (std::size_t row = 0; row < piece.rows; ++row) {
    std::uint8_t* const begin = out;
    lists.begin[row] = static_cast<std::uint16_t>(begin - lists.entries);
    if (method == Method::zeros) *out++ = static_cast<std::uint8_t>(zero_row + 1);
    const unsigned char* const bytes = piece.bytes(row);
    // Always eight entries are written, and those that are none overwritten: no branch depends on the states.
    std::uint64_t base = 0;
    for (std::size_t i = 0; i <= last; ++i, base += 0x0808080808080808U) {
      const unsigned byte = (bytes[i] ^ flip) & (i == last ? last_mask : 0xFFU);
      const std::uint64_t eight = positions[byte] + base;
      std::memcpy(out, &eight, 8);
      out += hwy::PopCount(std::uint64_t{byte});
    }
    listed += static_cast<std::size_t>(out - begin);
    std::memcpy(out, &filling, 8);
    out = begin + (static_cast<std::size_t>(out - begin) + list_multiple - 1) / list_multiple * list_multiple;
  }
  lists.begin[piece.rows] = static_cast<std::uint16_t>(out - lists.entries);
  return listed;
}

/// Lists the subset of each four states that is on.
HWY_INLINE void list_subsets(const Piece& piece, Lists& lists) {
  std::uint8_t* out = lists.entries;
  for (std::size_t row = 0; row < piece.rows; ++row) {
    lists.begin[row] = static_cast<std::uint16_t>(out - lists.entries);
    const unsigned char* const bytes = piece.bytes(row);
    std::size_t count = 0;
    for (std::size_t i = 0; i < piece.byte_count(); ++i) {
      out[count++] = static_cast<std::uint8_t>(i * 32 + (bytes[i] & 15U));
      out[count++] = static_cast<std::uint8_t>(i * 32 + 16 + (bytes[i] >> 4U));
    }
    while (count % list_multiple != 0) out[count++] = 0;
    out += count;
  }
  lists.begin[piece.rows] = static_cast<std::uint16_t>(out - lists.entries);
}

/// Copies columns [first, first + width) of a row, and up to `columns` what is behind them, or zeros.
HWY_INLINE void copy_row(ColumnsView matrix, std::size_t row, std::size_t first, std::size_t width, std::size_t columns,
                         Real* to) {
  const Real* const from = matrix.row(row) + first;
  const hn::CappedTag<Real, 16> longest;
  const hn::CappedTag<Real, 4> four;
  // By far the most, and unrolled. What is behind the width, of the next row, is added up in vain.
  if (width + (matrix.rows - 1 - row) * matrix.stride >= columns) {
    for (std::size_t i = 0; i < columns; i += hn::Lanes(longest)) {
      hn::Store(hn::LoadU(longest, from + i), longest, to + i);
    }
    return;
  }
  std::size_t i = 0;
  for (; i + hn::Lanes(four) <= width; i += hn::Lanes(four)) hn::Store(hn::LoadU(four, from + i), four, to + i);
  for (; i < width; ++i) to[i] = from[i];
  for (; i < columns; ++i) to[i] = 0;
}

/// The same for states, which become bytes; `first` is a multiple of 64.
HWY_INLINE void copy_row(ConstBitMatrixView states, std::size_t row, std::size_t first, std::size_t width,
                         std::size_t columns, std::uint8_t* to) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const std::size_t words = words_for(width);
  for (std::size_t word = 0; word < words; ++word) {
    const std::uint64_t* const bits = states.row(row) + first / 64 + word;
    for (std::size_t i = 0; i < 64; i += hn::Lanes(d)) {
      if (hn::Lanes(d) < 8) {  // less than a byte of bits: without SIMD
        to[word * 64 + i] = static_cast<std::uint8_t>(*bits >> i & 1U);
        continue;
      }
      const std::uint64_t next = *bits >> i;  // LoadMaskBits may look at 8 bytes
      const auto on = hn::LoadMaskBits(d, reinterpret_cast<const std::uint8_t*>(&next));
      hn::Store(hn::IfThenElseZero(on, hn::Set(d, 1)), d, to + word * 64 + i);
    }
  }
  std::fill(to + words * 64, to + columns, std::uint8_t{0});
}

template <typename Value>
struct Panel {
  static constexpr std::size_t columns = row_bytes / sizeof(Value);
  alignas(64) Value values[panel_rows * columns];

  HWY_INLINE Value* row(std::size_t index) { return values + index * columns; }
};

template <typename Value, class Matrix>
HWY_INLINE void fill_ones(Matrix matrix, const Piece& piece, std::size_t column, std::size_t width,
                          Panel<Value>& panel) {
  constexpr std::size_t columns = Panel<Value>::columns;
  for (std::size_t i = 0; i < piece.units; ++i) {
    copy_row(matrix, piece.first + i, column, width, columns, panel.row(i));
  }
  std::fill_n(panel.row(piece.units), columns, Value{0});
}

template <typename Value, class Matrix>
HWY_INLINE void fill_zeros(Matrix matrix, const Piece& piece, std::size_t column, std::size_t width,
                           Panel<Value>& panel) {
  constexpr std::size_t columns = Panel<Value>::columns;
  fill_ones(matrix, piece, column, width, panel);
  const hn::CappedTag<Value, 64 / sizeof(Value)> d;
  for (std::size_t j = 0; j < columns; j += hn::Lanes(d)) {
    auto total = hn::Zero(d);
    for (std::size_t i = 0; i < piece.units; ++i) {
      const auto value = hn::Load(d, panel.row(i) + j);
      total = hn::Add(total, value);
      hn::Store(hn::Sub(hn::Zero(d), value), d, panel.row(i) + j);
    }
    hn::Store(total, d, panel.row(piece.units + 1) + j);
  }
}

template <typename Value, class Matrix>
HWY_INLINE void fill_tables(Matrix matrix, const Piece& piece, std::size_t column, std::size_t width,
                            Panel<Value>& panel) {
  constexpr std::size_t columns = Panel<Value>::columns;
  const hn::CappedTag<Value, 64 / sizeof(Value)> d;
  alignas(64) Value four[4 * columns];
  // A byte of states has two tables, also where only its first four units exist.
  for (std::size_t first = 0; first < piece.byte_count() * 8; first += 4) {
    for (std::size_t i = 0; i < 4; ++i) {
      if (first + i < piece.units) {
        copy_row(matrix, piece.first + first + i, column, width, columns, four + i * columns);
      } else {
        std::fill_n(four + i * columns, columns, Value{0});
      }
    }
    for (std::size_t j = 0; j < columns; j += hn::Lanes(d)) {
      const auto a = hn::Load(d, four + j);
      const auto b = hn::Load(d, four + columns + j);
      const auto c = hn::Load(d, four + 2 * columns + j);
      const auto e = hn::Load(d, four + 3 * columns + j);
      const auto ab = hn::Add(a, b);
      Value* const table = panel.row(first * 4) + j;
      const auto store_four = [&](std::size_t subset, auto sum) HWY_ATTR {
        hn::Store(sum, d, table + subset * columns);
        hn::Store(hn::Add(sum, a), d, table + (subset + 1) * columns);
        hn::Store(hn::Add(sum, b), d, table + (subset + 2) * columns);
        hn::Store(hn::Add(sum, ab), d, table + (subset + 3) * columns);
      };
      store_four(0, hn::Zero(d));
      store_four(4, c);
      store_four(8, e);
      store_four(12, hn::Add(c, e));
    }
  }
}

/// result[0, count) = sums, += sums or -= sums; sums are aligned.
template <class D>
HWY_INLINE void update_vector(D d, hn::Vec<D> sums, Update update, Real* result) {
  if (update == Update::set) {
    hn::StoreU(sums, d, result);
  } else if (update == Update::add) {
    hn::StoreU(hn::Add(hn::LoadU(d, result), sums), d, result);
  } else {
    hn::StoreU(hn::Sub(hn::LoadU(d, result), sums), d, result);
  }
}

template <class D>
HWY_INLINE auto load_real(D d, const Real* values) {
  return hn::Load(d, values);
}
template <class D>
HWY_INLINE auto load_real(D d, const std::uint8_t* values) {
  const hn::Rebind<std::uint8_t, D> bytes;
  const hn::RebindToSigned<D> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::Load(bytes, values)));
}

template <typename Value>
HWY_INLINE void update_row(const Value* sums, std::size_t count, Update update, Real* result) {
  const hn::CappedTag<Real, 16> longest;
  const hn::CappedTag<Real, 4> four;
  const hn::CappedTag<Real, 1> one;
  std::size_t i = 0;
  for (; i + hn::Lanes(longest) <= count; i += hn::Lanes(longest)) {
    update_vector(longest, load_real(longest, sums + i), update, result + i);
  }
  for (; i + hn::Lanes(four) <= count; i += hn::Lanes(four)) {
    update_vector(four, load_real(four, sums + i), update, result + i);
  }
  for (; i < count; ++i) update_vector(one, load_real(one, sums + i), update, result + i);
}

/// Gives the sum of the rows of the panel in a list, vector by vector, to finish(vector, column): its columns [0,
/// used). It takes up to eight registers: with vectors so long that fewer hold a row, each takes every second or fourth
/// row of the list, as the latency of additions would have it anyway.
template <std::size_t used, typename Value, class Finish>
HWY_INLINE void sum_rows(const Value* panel, const std::uint8_t* list, const std::uint8_t* end, const Finish& finish) {
  constexpr std::size_t columns = row_bytes / sizeof(Value);
  const hn::CappedTag<Value, 64 / sizeof(Value)> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t vectors = std::min<std::size_t>(used / lanes, 8);
  const std::size_t rows = std::min(8 / vectors, list_multiple);
  for (std::size_t first = 0; first < used; first += vectors * lanes) {
    auto s0 = hn::Zero(d);
    auto s1 = s0;
    auto s2 = s0;
    auto s3 = s0;
    auto s4 = s0;
    auto s5 = s0;
    auto s6 = s0;
    auto s7 = s0;
    for (const std::uint8_t* entry = list; entry < end; entry += rows) {
      const auto part = [&](std::size_t i) HWY_ATTR {
        return hn::Load(d, panel + entry[i / vectors] * columns + first + i % vectors * lanes);
      };
      s0 = hn::Add(s0, part(0));
      if (vectors * rows >= 2) s1 = hn::Add(s1, part(1));
      if (vectors * rows >= 4) {
        s2 = hn::Add(s2, part(2));
        s3 = hn::Add(s3, part(3));
      }
      if (vectors * rows >= 8) {
        s4 = hn::Add(s4, part(4));
        s5 = hn::Add(s5, part(5));
        s6 = hn::Add(s6, part(6));
        s7 = hn::Add(s7, part(7));
      }
    }
    if (vectors <= 4) {
      s0 = hn::Add(s0, s4);
      s1 = hn::Add(s1, s5);
      s2 = hn::Add(s2, s6);
      s3 = hn::Add(s3, s7);
    }
    if (vectors <= 2) {
      s0 = hn::Add(s0, s2);
      s1 = hn::Add(s1, s3);
    }
    if (vectors == 1) s0 = hn::Add(s0, s1);
    finish(s0, first);
    if (vectors >= 2) finish(s1, first + lanes);
    if (vectors >= 4) {
      finish(s2, first + 2 * lanes);
      finish(s3, first + 3 * lanes);
    }
    if (vectors >= 8) {
      finish(s4, first + 4 * lanes);
      finish(s5, first + 5 * lanes);
      finish(s6, first + 6 * lanes);
      finish(s7, first + 7 * lanes);
    }
  }
}

/// Brings what the next panel is made of nearer while the present one is in use: its rows are far apart, so that the
/// processor does not foresee them.
template <class Matrix>
class Ahead {
 public:
  /// The rows of the piece, columns [column, column + count); behind the last column the next rows, columns [0, count).
  Ahead(Matrix matrix, const Piece& piece, std::size_t column, std::size_t count) {
    if constexpr (std::is_same_v<Matrix, ColumnsView>) {
      const bool wraps = column >= matrix.columns;
      const std::size_t first = wraps ? piece.first + piece.units : piece.first;
      next_ = matrix.row(first) + (wraps ? 0 : column);
      stride_ = matrix.stride;
      rows_ = std::min(piece.units, matrix.rows - first);
      count_ = std::min(count, matrix.columns - (wraps ? 0 : column));
      rows_at_once_ = (rows_ + piece.rows - 1) / piece.rows;
    }
  }

  /// To be called once for each of the states.
  HWY_INLINE void fetch() {
    for (std::size_t i = 0; i < rows_at_once_ && rows_ > 0; ++i, --rows_, next_ += stride_) {
      for (std::size_t j = 0; j < count_; j += 16) __builtin_prefetch(next_ + j, 0, 2);
      __builtin_prefetch(next_ + count_ - 1, 0, 2);
    }
  }

 private:
  const Real* next_ = nullptr;
  std::size_t stride_ = 0;
  std::size_t rows_ = 0;
  std::size_t count_ = 0;
  std::size_t rows_at_once_ = 0;
};

template <typename Value, class Matrix>
HWY_INLINE void sum_lists(const Lists& lists, const Piece& piece, const Panel<Value>& panel, Ahead<Matrix> ahead,
                          std::size_t column, std::size_t width, Update update, MatrixView result) {
  constexpr std::size_t columns = row_bytes / sizeof(Value);
  const hn::CappedTag<Value, 64 / sizeof(Value)> d;
  alignas(64) Value sums[columns];
  for (std::size_t row = 0; row < piece.rows; ++row) {
    const std::uint8_t* const list = lists.entries + lists.begin[row];
    const std::uint8_t* const end = lists.entries + lists.begin[row + 1];
    Real* const to = result.row(piece.first_row + row) + column;
    ahead.fetch();
    if constexpr (std::is_same_v<Value, Real>) {
      if (width == columns) {
        sum_rows<columns>(panel.values, list, end,
                          [&](auto vector, std::size_t at) HWY_ATTR { update_vector(d, vector, update, to + at); });
        continue;
      }
    }
    const auto store = [&](auto vector, std::size_t at) HWY_ATTR { hn::Store(vector, d, sums + at); };
    if (width > columns / 2) {
      sum_rows<columns>(panel.values, list, end, store);
    } else if (width > 64 / sizeof(Value)) {
      sum_rows<columns / 2>(panel.values, list, end, store);
    } else {
      sum_rows<64 / sizeof(Value)>(panel.values, list, end, store);
    }
    update_row(sums, width, update, to);
  }
}

/// result (update) the states of the piece times its rows of the matrix.
template <Method method, typename Value, class Matrix>
HWY_INLINE void add_piece(const Piece& piece, const Lists& lists, Matrix matrix, Update update, MatrixView result) {
  constexpr std::size_t columns = row_bytes / sizeof(Value);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): to clear it would take as long as to fill it
  Panel<Value> panel;
  for (std::size_t column = 0; column < matrix.columns; column += columns) {
    const std::size_t width = std::min(columns, matrix.columns - column);
    if (method == Method::ones) {
      fill_ones(matrix, piece, column, width, panel);
    } else if (method == Method::zeros) {
      fill_zeros(matrix, piece, column, width, panel);
    } else {
      fill_tables(matrix, piece, column, width, panel);
    }
    const Ahead<Matrix> ahead(matrix, piece, column + columns, columns);
    sum_lists(lists, piece, panel, ahead, column, width, update, result);
  }
}

/// Units in each of the pieces that `units` are cut into: about equal, multiples of 8, at most `most`.
constexpr std::size_t piece_units(std::size_t units, std::size_t most) {
  const std::size_t pieces = std::max<std::size_t>((units + most - 1) / most, 1);
  return (units + 8 * pieces - 1) / (8 * pieces) * 8;
}

/// result (update) states matrix.
template <typename Value, class Matrix>
HWY_INLINE void accumulate(ConstBitMatrixView states, Matrix matrix, Update first_update, Update update,
                           MatrixView result) {
  const std::size_t units = piece_units(states.columns, list_units);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): to clear them would take as long as to fill them
  Lists lists;
  for (std::size_t row = 0; row < states.rows; row += states_at_once) {
    for (std::size_t unit = 0; unit < states.columns; unit += units) {
      Piece piece{states, row, std::min(states_at_once, states.rows - row), unit,
                  std::min(units, states.columns - unit)};
      Update now = unit == 0 ? first_update : update;
      const std::size_t on = list_states<Method::ones>(piece, lists);
      const std::size_t off = piece.rows * piece.units - on;
      const std::size_t by_tables = piece.rows * piece.units * 3 / 8 + 8 * piece.units;
      if (on <= std::min(off, by_tables)) {
        add_piece<Method::ones, Value>(piece, lists, matrix, now, result);
      } else if (off <= by_tables) {
        list_states<Method::zeros>(piece, lists);
        add_piece<Method::zeros, Value>(piece, lists, matrix, now, result);
      } else {
        for (const std::size_t end = unit + piece.units; piece.first < end; piece.first += table_units) {
          piece.units = std::min(table_units, end - piece.first);
          list_subsets(piece, lists);
          add_piece<Method::tables, Value>(piece, lists, matrix, now, result);
          now = update;
        }
      }
    }
  }
}

HWY_FLATTEN HWY_ATTR void Multiply(ConstBitMatrixView states, ColumnsView matrix, MatrixView product) {
  accumulate<Real>(states, matrix, Update::set, Update::add, product);
}

HWY_FLATTEN HWY_ATTR void MultiplyStates(ConstBitMatrixView states, ConstBitMatrixView matrix, MatrixView product) {
  accumulate<std::uint8_t>(states, matrix, Update::set, Update::add, product);
}

HWY_FLATTEN HWY_ATTR void SubtractProduct(ConstBitMatrixView states, ColumnsView matrix, MatrixView product) {
  accumulate<Real>(states, matrix, Update::subtract, Update::subtract, product);
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(Multiply);
HWY_EXPORT(MultiplyStates);
HWY_EXPORT(SubtractProduct);

void multiply(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept {
  multiply(states, ColumnsView(matrix, 0, matrix.columns), product);
}

void multiply(ConstBitMatrixView states, ColumnsView matrix, MatrixView product) noexcept {
  assert(states.columns == matrix.rows && product.rows == states.rows && product.columns == matrix.columns);
  if (states.columns == 0) {
    std::fill_n(product.values, product.size(), Real{0});
    return;
  }
  HWY_DYNAMIC_DISPATCH(Multiply)(states, matrix, product);
}

void multiply(ConstBitMatrixView states, ConstBitMatrixView matrix, MatrixView product) noexcept {
  assert(states.columns == matrix.rows && product.rows == states.rows && product.columns == matrix.columns);
  if (states.columns == 0) std::fill_n(product.values, product.size(), Real{0});
  HWY_DYNAMIC_DISPATCH(MultiplyStates)(states, matrix, product);
}

void subtract_product(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept {
  assert(states.columns == matrix.rows && product.rows == states.rows && product.columns == matrix.columns);
  HWY_DYNAMIC_DISPATCH(SubtractProduct)(states, ColumnsView(matrix, 0, matrix.columns), product);
}

}  // namespace rbmpi
#endif  // HWY_ONCE
