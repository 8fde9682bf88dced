#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// What the units of a layer make of their fields x: 1 / (1 + exp(-x)), x, or exp(x) / sum of exp over the layer.
enum class Activation { sigmoid, linear, softmax };

/// Local. "sigmoid", ..., as in files.
[[nodiscard]] std::string_view activation_name(Activation activation) noexcept;
[[nodiscard]] std::optional<Activation> activation_of(std::string_view name) noexcept;

/// Numbers of units, and what they do. Layer k, from 0, leads from units[k] to units[k + 1].
struct NetShape {
  std::vector<std::size_t> units;       ///< inputs, the hidden layers from below, outputs
  std::vector<Activation> activations;  ///< of each layer, one less than `units`

  [[nodiscard]] std::size_t layers() const noexcept { return activations.size(); }
  [[nodiscard]] std::size_t inputs() const noexcept { return units.front(); }
  [[nodiscard]] std::size_t outputs() const noexcept { return units.back(); }
  [[nodiscard]] std::size_t parameters() const;
  /// Whether the outputs are probabilities of classes.
  [[nodiscard]] bool is_classifier() const noexcept {
    return !activations.empty() && activations.back() == Activation::softmax;
  }
  friend bool operator==(const NetShape&, const NetShape&) = default;
};

/// Local. The arrays of the parameters: of layer k the weights [in x out] are number 2 k, the bias [out] is number
/// 2 k + 1, in the group of the layer.
[[nodiscard]] ParameterLayout net_layout(const NetShape& shape);

/// Local. "784-500-500-2000-10".
[[nodiscard]] std::string to_text(const NetShape& shape);

/// Local. Throws Error(Failure::usage) for a shape that no net can have: no layer, units of a layer that are none or
/// more than `largest_layer`, or softmax below the outputs.
void check_shape(const NetShape& shape);

/// One layer of a net: activations = f(below W + bias).
template <typename Value>
struct NetLayer {
  BasicMatrixView<Value> weights;  ///< W: in x out
  std::span<Value> bias;           ///< out
  Activation activation = Activation::sigmoid;

  // What may be written serves where it is only read.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator NetLayer<const Value>() const noexcept { return {weights, bias, activation}; }
};

/// Local. Layer k of a flat buffer that has the layout of `shape`, `layout`.
template <typename Value>
[[nodiscard]] NetLayer<Value> net_layer(const NetShape& shape, const ParameterLayout& layout,
                                        std::span<Value> parameters, std::size_t k) noexcept {
  const ParameterArray& weights = layout[2 * k];
  return {.weights = {parameters.data() + layout.offset(2 * k), weights.rows, weights.columns},
          .bias = parameters.subspan(layout.offset(2 * k + 1), weights.columns),
          .activation = shape.activations[k]};
}

/// A feed-forward net: a classifier, with a softmax on top, or an autoencoder. Its parameters are one flat, aligned
/// buffer. Move-only.
class FeedForwardNet {
 public:
  FeedForwardNet() = default;
  /// All parameters zero.
  explicit FeedForwardNet(NetShape shape)
      : shape_(std::move(shape)), layout_(net_layout(shape_)), parameters_(layout_.size()) {}
  /// With these parameters, as many as the shape has, in its layout.
  FeedForwardNet(NetShape shape, AlignedBuffer<Real> parameters)
      : shape_(std::move(shape)), layout_(net_layout(shape_)), parameters_(std::move(parameters)) {}

  [[nodiscard]] const NetShape& shape() const noexcept { return shape_; }
  [[nodiscard]] const ParameterLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::span<Real> parameters() noexcept { return parameters_.span(); }
  [[nodiscard]] std::span<const Real> parameters() const noexcept { return parameters_.span(); }
  /// Local. Gives the buffer away; the net is of no use afterwards.
  [[nodiscard]] AlignedBuffer<Real> take_parameters() && noexcept { return std::move(parameters_); }
  [[nodiscard]] NetLayer<Real> layer(std::size_t k) noexcept {
    return net_layer(shape_, layout_, parameters_.span(), k);
  }
  [[nodiscard]] NetLayer<const Real> layer(std::size_t k) const noexcept {
    return net_layer(shape_, layout_, parameters_.span(), k);
  }

 private:
  NetShape shape_;
  ParameterLayout layout_;
  AlignedBuffer<Real> parameters_;
};

/// Local. The shape of a classifier of so many classes on top of hidden layers: sigmoids, then a softmax.
[[nodiscard]] NetShape classifier_shape(std::size_t inputs, std::span<const std::size_t> hidden, std::size_t classes);

/// Local. The shape of an autoencoder (Hinton and Salakhutdinov 2006) with these layers up to the code, the last:
/// sigmoids, but of the code units what `code` says; then the same layers downwards. Its code is the activation of
/// layer `hidden.size()`, counted from 1.
[[nodiscard]] NetShape autoencoder_shape(std::size_t inputs, std::span<const std::size_t> hidden, Activation code);

/// Local. A classifier that begins with the recognition weights of a stack of RBMs: weights and hidden biases of each
/// layer, and a softmax of zeros on top, so that it begins with equal probabilities (Hinton, Osindero and Teh 2006).
[[nodiscard]] FeedForwardNet classifier_of_stack(std::span<const Rbm> stack, std::size_t classes);

/// Local. A stack of RBMs unrolled to an autoencoder: upwards with weights and hidden biases, downwards with the
/// transposed weights and the visible biases, in memory of their own: both are trained. With sigmoid code units it
/// begins with the mean-field reconstruction of the stack, whose hidden units are zeros and ones. With linear ones the
/// code is the field of those units, and the first step down takes the tangent of the sigmoid at 0, 1/2 + x/4, in its
/// place: W / 4, and b + the sum over the code units of W / 2. That begins worse, but is ahead after one epoch and
/// stays there (784-200-30 on 10,000 rows of MNIST, squared error of others before, after 1 and 6 epochs:
/// 39, 14.1, 10.2 instead of 24, 19.6, 15.0).
[[nodiscard]] FeedForwardNet autoencoder_of_stack(std::span<const Rbm> stack, Activation code);

/// Local. Sets random weights, a pure function of the seed: as those of a net of tanh units, whose sizes keep
/// activations and errors from fading from layer to layer, normal with variance 2 / (in + out) (Glorot and Bengio
/// 2010), and which has its units around 0. sigmoid(x) = (1 + tanh(x / 2)) / 2, so weights are twice as large towards
/// hidden sigmoids, and once more twice as large from sigmoids, whose mean of 1/2 the biases take away; other biases
/// are zero.
void initialise_net(FeedForwardNet& net, std::uint64_t seed);

/// Local. The digest of a net: SHA-256 over its shape and parameters, 64 hexadecimal digits (docs/formats.md).
[[nodiscard]] std::string net_digest(const FeedForwardNet& net);

/// Local. The index of a label among the classes of a net, which are sorted, if it is there.
[[nodiscard]] std::optional<std::size_t> class_of(std::span<const std::int32_t> classes, std::int32_t label) noexcept;

}  // namespace rbmpi
