#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rbmpi {

/// Ranks and threads share out the weights in whole groups of so many rows: so each cache line of W and of its
/// transposed copy belongs to one thread of one rank.
inline constexpr std::uint64_t rows_together = 16;

/// A named array of parameters: a matrix [rows x columns], row-major, or a vector as a matrix of one column.
struct ParameterArray {
  std::string path;  ///< in files, "/layer_0/weights"; each has one of its own
  std::size_t rows = 0;
  std::size_t columns = 1;
  std::uint64_t group = 1;   ///< rows are shared out in whole groups of so many
  bool weight_cost = false;  ///< whether the weight cost and L1 act on them: on weights, not on biases
  bool field_cost = false;   ///< whether the field cost acts on them: on the visible biases of an RBM
  bool is_matrix = false;    ///< with one column it is [rows x 1] in files, and not [rows]

  [[nodiscard]] std::size_t size() const noexcept { return rows * columns; }
};

/// The named arrays of which a flat buffer of parameters consists, one behind the other. Whatever is as large as the
/// parameters (gradients, what an optimizer remembers) has the layout of the parameters.
class ParameterLayout {
 public:
  ParameterLayout() = default;
  explicit ParameterLayout(std::vector<ParameterArray> arrays) : arrays_(std::move(arrays)) {
    offsets_.push_back(0);
    for (const ParameterArray& array : arrays_) offsets_.push_back(offsets_.back() + array.size());
  }

  /// Arrays.
  [[nodiscard]] std::size_t count() const noexcept { return arrays_.size(); }
  [[nodiscard]] const ParameterArray& operator[](std::size_t array) const noexcept { return arrays_[array]; }
  [[nodiscard]] auto begin() const noexcept { return arrays_.begin(); }
  [[nodiscard]] auto end() const noexcept { return arrays_.end(); }
  /// Place of a row in the flat buffer.
  [[nodiscard]] std::size_t offset(std::size_t array, std::uint64_t row = 0) const noexcept {
    return offsets_[array] + row * arrays_[array].columns;
  }
  /// Parameters in all.
  [[nodiscard]] std::size_t size() const noexcept { return offsets_.empty() ? 0 : offsets_.back(); }
  /// Whether all arrays have the same rows and columns as those of `other`.
  [[nodiscard]] bool same_shapes(const ParameterLayout& other) const noexcept;

  /// The same arrays in files of what an optimizer remembers: "/layer_0/weights" is "/layer_0/velocity/weights".
  [[nodiscard]] ParameterLayout of_memory(const std::string& memory) const;
  /// The same arrays in a group of a file: "weights" is "/parameters/weights".
  [[nodiscard]] ParameterLayout in_group(const std::string& group) const;

 private:
  std::vector<ParameterArray> arrays_;
  std::vector<std::size_t> offsets_;
};

/// "/layer_0": the group of a layer in files.
[[nodiscard]] std::string layer_group(std::size_t layer);

/// Local. "/layer_0/weights 784 x 500, /layer_0/visible_bias 784, /layer_0/hidden_bias 500".
[[nodiscard]] std::string to_text(const ParameterLayout& layout);

}  // namespace rbmpi
