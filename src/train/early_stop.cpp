#include "rbmpi/train/early_stop.hpp"

#include <algorithm>

namespace rbmpi {

bool judge_epoch(EarlyStop rule, const ValidationFigures& figures, TrainingProgress& progress) {
  const bool first = progress.best_epoch == 0;
  bool good = false;
  if (rule == EarlyStop::pseudo_likelihood) {
    good = first || figures.pseudo_likelihood > progress.best_figure;
    if (good) progress.best_figure = figures.pseudo_likelihood;
  } else if (rule == EarlyStop::gap) {
    const RowMean gap = figures.free_energy_gap();
    progress.best_figure = first ? gap.mean : std::min(gap.mean, progress.best_figure);
    good = gap.mean <= progress.best_figure + 2 * gap.standard_error.value_or(0);
  }
  if (good) progress.best_epoch = progress.epoch;
  return good;
}

bool stopped_early(std::uint64_t patience, const TrainingProgress& progress) noexcept {
  return progress.best_epoch > 0 && progress.epoch_rows == 0 && progress.epoch - 1 >= progress.best_epoch &&
         progress.epoch - 1 - progress.best_epoch >= patience;
}

}  // namespace rbmpi
