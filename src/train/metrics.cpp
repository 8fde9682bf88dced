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
    line["training_free_energy"] = metrics.validation->training_free_energy;
    line["validation_free_energy"] = metrics.validation->free_energy;
  }
  return line.dump();
}

}  // namespace rbmpi
