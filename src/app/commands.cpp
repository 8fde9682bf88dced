#include "app/command.hpp"

namespace rbmpi {

std::span<const Command> commands() {
  static constexpr Command table[] = {
      {"bench", "measure training on this machine and layout, against its matrix products", run_bench},
      {"evaluate", "say how good a model is: likelihood, pseudo-likelihood, reconstruction of a dataset", run_evaluate},
      {"import", "make a dataset (HDF5) from MNIST's IDX files or from CSV", run_import},
      {"info", "show what a dataset or a model holds", run_info},
      {"train", "train a model on a dataset", run_train},
  };
  return table;
}

}  // namespace rbmpi
