#include "rbmpi/report/chain_figures.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "rbmpi/train/measured_pairs.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t fewest_chains = 20;
constexpr double least_share = 0.5;
constexpr double most_autocorrelation = 0.9;
constexpr double enough_sweeps = 100;
constexpr double least_share_of_r = 0.8;
constexpr double least_expected_r = 0.5;

/// How many are distinct, byte by byte, of `count` rows from all over `all` rows.
template <typename Value>
std::size_t distinct(const Value* rows, std::size_t all, std::size_t count, std::size_t row_values) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < count; ++i) {
    seen.emplace(reinterpret_cast<const char*>(rows + i * all / count * row_values), row_values * sizeof(Value));
  }
  return seen.size();
}

/// Sums over n weighted rows: of the weights, and for each unit with probability p of w p and of w^2 p (1 - p).
struct UnitSums {
  double weights = 0;
  double squared_weights = 0;
  std::vector<double> on;
  std::vector<double> with_itself;
};

/// In how many units two rows differ, over all pairs of different rows: the sum of w w' (p (1 - p') + p' (1 - p)) over
/// that of w w'.
double distance_of(const UnitSums& sums) {
  const double n = sums.weights;
  const double pairs = n * n - sums.squared_weights;
  if (!(pairs > 0)) return 0;
  double distance = 0;
  for (std::size_t i = 0; i < sums.on.size(); ++i) distance += sums.on[i] * (n - sums.on[i]) - sums.with_itself[i];
  return 2 * distance / pairs;
}

/// As ChainFindings::OfData says: the variance of the second moments over the pairs, beside that which chance gives
/// them in so many rows and in so many chains.
double expected_pairs_r(const std::vector<ChainFindings::Moment>& pairs, double rows, std::size_t chains) {
  double sum = 0;
  double squares = 0;
  double chance = 0;
  for (const ChainFindings::Moment& pair : pairs) {
    sum += pair.data;
    squares += pair.data * pair.data;
    chance += pair.data * (1 - pair.data);
  }
  const auto n = static_cast<double>(pairs.size());
  const double spread = squares / n - (sum / n) * (sum / n);
  const double of_rows = chance / n / rows;
  const double of_chains = chance / n / static_cast<double>(chains);
  const double signal = spread - of_rows;
  if (!(signal > 0)) return 0;
  return signal / std::sqrt(spread * (signal + of_chains));
}

ChainFindings::OfData look_at(const DataRows& rows, ConstBitMatrixView chains, const std::vector<double>& chain_means) {
  const std::size_t units = rows.columns;
  ChainFindings::OfData of_data{.rows = rows.rows, .rows_in_use = rows.rows_in_use, .means = {}, .pairs = {}};
  std::vector<UnitPair> pairs(measured_pairs(units));
  choose_pairs(units, pairs);
  UnitSums sums{.on = std::vector<double>(units), .with_itself = std::vector<double>(units)};
  std::vector<double> products(pairs.size());
  bool are_states = true;
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const Real* const p = rows.view().row(row);
    const double weight = rows.weights.empty() ? 1.0 : double{rows.weights[row]};
    sums.weights += weight;
    sums.squared_weights += weight * weight;
    for (std::size_t i = 0; i < units; ++i) {
      const double varies = double{p[i]} * (1 - double{p[i]});
      are_states = are_states && varies == 0;
      sums.on[i] += weight * double{p[i]};
      sums.with_itself[i] += weight * weight * varies;
    }
    for (std::size_t pair = 0; pair < pairs.size(); ++pair) {
      products[pair] += weight * double{p[pairs[pair].first]} * double{p[pairs[pair].second]};
    }
  }
  if (are_states) {
    of_data.distinct = distinct(rows.values.data(), rows.rows, std::min(rows.rows, chains.rows), units);
  }
  of_data.distance = distance_of(sums);
  const double n = sums.weights;
  for (std::size_t i = 0; i < units; ++i) of_data.means.push_back({.data = sums.on[i] / n, .chains = chain_means[i]});
  for (std::size_t pair = 0; pair < pairs.size(); ++pair) {
    std::size_t both = 0;
    for (std::size_t chain = 0; chain < chains.rows; ++chain) {
      both += chains.at(chain, pairs[pair].first) && chains.at(chain, pairs[pair].second) ? std::size_t{1} : 0;
    }
    of_data.pairs.push_back(
        {.data = products[pair] / n, .chains = static_cast<double>(both) / static_cast<double>(chains.rows)});
  }
  if (!pairs.empty())
    of_data.expected_pairs_r = expected_pairs_r(of_data.pairs, n * n / sums.squared_weights, chains.rows);
  return of_data;
}

}  // namespace

ChainFindings compare_chains(ConstBitMatrixView all, const DataRows* rows) {
  const ConstBitMatrixView chains{all.words, std::min(all.rows, ChainFindings::most_chains), all.columns};
  ChainFindings found{.chains = chains.rows,
                      .all_chains = all.rows,
                      .distinct = distinct(chains.words, chains.rows, chains.rows, chains.row_words()),
                      .distance = 0,
                      .data = {}};
  std::vector<double> means(chains.columns);
  for (std::size_t chain = 0; chain < chains.rows; ++chain) {
    for_each_unit_on(chains, chain, [&](std::size_t unit) { means[unit] += 1; });
  }
  const auto chains_in_all = static_cast<double>(chains.rows);
  found.distance = distance_of({.weights = chains_in_all,
                                .squared_weights = chains_in_all,
                                .on = means,
                                .with_itself = std::vector<double>(means.size())});
  for (double& mean : means) mean /= static_cast<double>(chains.rows);
  if (rows != nullptr && rows->rows > 0) found.data = look_at(*rows, chains, means);
  return found;
}

std::vector<ChainTrouble> troubles_of(const ChainFindings* found, const std::map<std::string, double>& figures,
                                      double sweeps) {
  const auto figure = [&](const char* key) {
    const auto at = figures.find(key);
    return at == figures.end() ? NAN : at->second;
  };
  std::vector<ChainTrouble> troubles;
  const ChainFindings::OfData* const data = found != nullptr && found->data ? &*found->data : nullptr;
  const bool are_enough = data != nullptr && found->chains >= fewest_chains;
  if (are_enough && (found->distance < least_share * data->distance ||
                     static_cast<double>(found->distinct) < least_share * static_cast<double>(data->distinct))) {
    troubles.push_back(ChainTrouble::collapsed);
  }
  // What decays to a in n sweeps decays to a^(100 / n) in a hundred.
  const double autocorrelation = std::max(0.0, figure("chains_autocorrelation"));
  if (std::pow(autocorrelation, std::max(1.0, enough_sweeps / sweeps)) > most_autocorrelation) {
    troubles.push_back(ChainTrouble::stopped);
  }
  if (are_enough && data->expected_pairs_r >= least_expected_r &&
      figure("chains_pairs_r") < least_share_of_r * data->expected_pairs_r) {
    troubles.push_back(ChainTrouble::elsewhere);
  }
  return troubles;
}

}  // namespace rbmpi
