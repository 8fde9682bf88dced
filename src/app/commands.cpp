#include "app/command.hpp"

namespace rbmpi {

std::span<const Command> commands() {
  static constexpr Command table[] = {
      {"bench", "measure training on this machine and layout, against its matrix products", run_bench},
      {"import", "make a dataset (HDF5) from MNIST's IDX files or from CSV", run_import},
      {"info", "show what a dataset or a model holds", run_info},
      {"report", "make a page (HTML) of a run: curves, filters, reconstructions, where the time went", run_report},
      {"train", "train a model on a dataset", run_train},
  };
  return table;
}

}  // namespace rbmpi
