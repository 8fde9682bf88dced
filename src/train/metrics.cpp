#include <nlohmann/json.hpp>

#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

std::string to_json(const EpochMetrics& metrics) {
  nlohmann::ordered_json line = {{"layer", metrics.layer},
                                 {"epoch", metrics.epoch},
                                 {"step", metrics.step},
                                 {"samples", metrics.samples},
                                 {"seconds", metrics.seconds},
                                 {"samples_per_second", metrics.samples_per_second},
                                 {"reconstruction_mse", metrics.reconstruction_mse}};
  if (metrics.validation) {
    line["validation_reconstruction_mse"] = metrics.validation->reconstruction_mse;
    line["training_free_energy"] = metrics.validation->training_free_energy.mean;
    line["validation_free_energy"] = metrics.validation->free_energy.mean;
    const RowMean gap = metrics.validation->free_energy_gap();
    line["free_energy_gap"] = gap.mean;
    line["free_energy_gap_standard_error"] =
        gap.standard_error ? nlohmann::ordered_json(*gap.standard_error) : nlohmann::ordered_json();
    line["validation_pseudo_likelihood"] = metrics.validation->pseudo_likelihood;
  }
  if (metrics.likelihood) {
    line["log_z"] = metrics.likelihood->log_z;
    line["log_z_standard_error"] = metrics.likelihood->log_z_standard_error;
    line["training_log_likelihood"] = metrics.likelihood->training;
    if (metrics.likelihood->validation) line["validation_log_likelihood"] = *metrics.likelihood->validation;
  }
  return line.dump();
}

}  // namespace rbmpi
