#include "app/command.hpp"

namespace rbmpi {

std::span<const Command> commands() {
  static constexpr Command table[] = {
      {"bench", "measure training on this machine and layout, against its matrix products", run_bench, false},
      {"evaluate", "say how good a model is: likelihood, pseudo-likelihood, reconstruction of a dataset", run_evaluate,
       false, evaluate_writes},
      {"export", "write a model for scikit-learn, NumPy or the package rbms", run_export, true},
      {"export-data", "write a dataset for other programs: sequences as FASTA", run_export_data, true},
      {"finetune", "train a classifier or an autoencoder, from the layers of a model or from scratch", run_finetune,
       true},
      {"import", "make a dataset of a file: text, NumPy, MATLAB, HDF5, MNIST's IDX, sequences", run_import, true},
      {"import-model", "make a model of a file of scikit-learn, NumPy or the package rbms", run_import_model, true},
      {"info", "show what a dataset or a model holds", run_info, false},
      {"predict", "label the rows of a dataset with a classifier: a table in Kaggle's form", run_predict, true},
      {"report", "make a page (HTML) of a run: curves, filters, reconstructions, where the time went", run_report,
       true},
      {"sample", "draw samples from a model, also with some units given: a dataset, a picture", run_sample, true},
      {"train", "train a model on a dataset", run_train, true},
      {"transform", "make features of a dataset: the hidden probabilities of a model", run_transform, true},
  };
  return table;
}

}  // namespace rbmpi
