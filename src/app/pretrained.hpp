#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/configuration.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/named_model.hpp"

namespace rbmpi {

/// What fine-tuning begins with: a stack of RBMs, or, from scratch, only the sizes of its layers.
class Pretrained {
 public:
  /// Collective. Reads the model on the root. `so_far`: the model of the run as it is, on the root, if there is one:
  /// then the stack is not needed any more and may be gone. Throws an AgreedError for a model that is no stack, or has
  /// labels among its units, or whose pre-training is not finished, unless that is asked for.
  Pretrained(const TrainSettings& settings, const Model* so_far, const Communicator& world);

  /// Hidden units of each layer, on every rank.
  [[nodiscard]] const std::vector<std::size_t>& hidden() const noexcept { return hidden_; }
  /// On the root; the others have none.
  [[nodiscard]] std::span<const Rbm> stack() const noexcept { return named_.model.layers; }
  /// Of the parameters that the net began with, on the root; empty if these are random.
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
  /// For a banner, on the root.
  [[nodiscard]] std::string in_words() const;

  /// Local. Throws Error(Failure::file) if data with so many columns do not fit.
  void check_columns(const TrainSettings& settings, std::uint64_t columns) const;

 private:
  void read(const TrainSettings& settings);
  void take_sizes(const NamedModel& named, const TrainSettings& settings);

  bool from_scratch_;
  NamedModel named_;
  std::string digest_;
  std::vector<std::size_t> hidden_;
  std::uint64_t inputs_ = 0;  ///< 0: whatever the data have
};

}  // namespace rbmpi
