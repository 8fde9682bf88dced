// Trains a tiny RBM on bars, through the installed library, and prints its digest.
#include <cstddef>
#include <iostream>
#include <span>
#include <vector>

#include "rbmpi/core/error.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/trainer.hpp"

int main(int argc, char** argv) try {
  const rbmpi::MpiEnvironment environment(argc, argv);
  const rbmpi::Communicator world = rbmpi::Communicator::world();

  constexpr std::size_t rows = 50;
  constexpr std::size_t columns = 16;
  std::vector<std::byte> pixels(rows * columns);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      pixels[row * columns + column] = static_cast<std::byte>(column / 4 == row % 4 ? 255 : 0);
    }
  }
  const rbmpi::Samples bars{rbmpi::ElementType::uint8, pixels.data(), rows, columns, 255.0};

  rbmpi::TrainingOptions options;
  options.hidden = 8;
  options.epochs = 5;
  options.batch_size = 7;
  const rbmpi::TrainingResult result = rbmpi::train_rbm(options, {.training = bars, .validation = {}}, world);

  if (world.is_root()) std::cout << rbmpi::model_digest(std::span(&result.rbm, 1)) << '\n';
} catch (const rbmpi::Error& error) {
  std::cerr << error.what() << '\n';
  return static_cast<int>(error.failure());
}
