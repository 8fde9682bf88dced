#include "rbmpi/report/net_figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/evaluate/net_outputs.hpp"
#include "rbmpi/evaluate/net_scores.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void scale(Vector& vector, double factor) {
  for (double& value : vector) value *= factor;
}

/// The rows as doubles, less their mean.
std::vector<Vector> centred(ConstMatrixView rows) {
  Vector mean(rows.columns);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t j = 0; j < rows.columns; ++j) mean[j] += static_cast<double>(rows.row(i)[j]);
  }
  scale(mean, 1 / static_cast<double>(rows.rows));
  std::vector<Vector> all(rows.rows, Vector(rows.columns));
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t j = 0; j < rows.columns; ++j) all[i][j] = static_cast<double>(rows.row(i)[j]) - mean[j];
  }
  return all;
}

/// X^T X w.
Vector through(const std::vector<Vector>& rows, const Vector& w) {
  Vector result(w.size());
  for (const Vector& row : rows) {
    const double along = dot(row, w);
    for (std::size_t j = 0; j < w.size(); ++j) result[j] += along * row[j];
  }
  return result;
}

/// The direction of the largest variance that is orthogonal to `before`, by power iteration; zeros if there is none.
Vector component(const std::vector<Vector>& rows, const std::vector<Vector>& before) {
  constexpr int iterations = 100;
  const std::size_t columns = rows.front().size();
  const auto make_orthonormal = [&](Vector& w) {
    for (const Vector& other : before) {
      const double along = dot(w, other);
      for (std::size_t j = 0; j < columns; ++j) w[j] -= along * other[j];
    }
    const double length = std::sqrt(dot(w, w));
    scale(w, length > 0 ? 1 / length : 0);
  };
  Vector w(columns);
  for (std::size_t j = 0; j < columns; ++j) w[j] = 1 + 1 / static_cast<double>(j + 2);  // along no axis
  make_orthonormal(w);
  for (int i = 0; i < iterations; ++i) {
    throw_if_stopped("looking at the codes");
    w = through(rows, w);
    make_orthonormal(w);
  }
  const auto largest = std::ranges::max_element(w, {}, [](double value) { return std::abs(value); });
  if (*largest < 0) scale(w, -1);
  return w;
}

}  // namespace

Classification classify(const FeedForwardNet& net, std::span<const std::int32_t> classes, const DataRows& rows,
                        const std::string& what) {
  const Samples samples = rows.samples();
  check_labels(samples, classes, what);
  Classification found;
  found.confusion.classes.assign(classes.begin(), classes.end());
  found.confusion.counts.resize(classes.size() * classes.size());
  net_outputs(net, net.shape().layers(), samples, Communicator(), [&](std::uint64_t first, ConstMatrixView outputs) {
    for (std::size_t i = 0; i < outputs.rows; ++i) {
      const std::span<const Real> p(outputs.row(i), outputs.columns);
      const std::int32_t label = rows.labels[first + i];
      const std::size_t truth = class_of(classes, label).value_or(0);
      const auto likeliest = static_cast<std::size_t>(std::ranges::max_element(p) - p.begin());
      ++found.confusion.counts[truth * classes.size() + likeliest];
      found.cross_entropy -= std::log(std::max(double{p[truth]}, double{std::numeric_limits<Real>::min()}));
      if (likeliest == truth) continue;
      found.mistakes.push_back({.row = static_cast<std::size_t>(first) + i,
                                .label = label,
                                .predicted = classes[likeliest],
                                .probability = double{p[likeliest]},
                                .of_label = double{p[truth]}});
    }
  });
  found.cross_entropy /= static_cast<double>(samples.rows);
  std::ranges::stable_sort(found.mistakes, std::greater(), &Classification::Mistake::probability);
  return found;
}

AlignedBuffer<Real> activations_of(const FeedForwardNet& net, std::size_t layers, const DataRows& rows) {
  AlignedBuffer<Real> all(rows.rows * net.shape().units[layers]);
  net_outputs(net, layers, rows.samples(), Communicator(), [&](std::uint64_t first, ConstMatrixView outputs) {
    std::copy_n(outputs.values, outputs.size(), all.data() + first * outputs.columns);
  });
  return all;
}

double mean_squared_error(ConstMatrixView rows, ConstMatrixView reconstructions) {
  double sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double difference = double{rows.values[i]} - double{reconstructions.values[i]};
    sum += difference * difference;
  }
  return sum / static_cast<double>(rows.rows);
}

PlanePoints principal_components(ConstMatrixView rows) {
  const std::vector<Vector> all = centred(rows);
  const Vector first = component(all, {});
  const Vector second = component(all, {first});
  PlanePoints plane;
  double variance = 0;
  double shown = 0;
  for (const Vector& row : all) {
    plane.points.push_back({dot(row, first), dot(row, second)});
    variance += dot(row, row);
    shown += plane.points.back()[0] * plane.points.back()[0] + plane.points.back()[1] * plane.points.back()[1];
  }
  plane.share = variance > 0 ? shown / variance : 1;
  return plane;
}

}  // namespace rbmpi
