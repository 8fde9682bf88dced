#include "parallel/message_sums.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "parallel/mpi_check.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

/// Both passes of stages, in units of what a message takes a processor; the way of a message takes about three.
std::size_t cost(const std::vector<int>& stages) noexcept {
  std::size_t sum = 0;
  for (const int size : stages) sum += 3 + static_cast<std::size_t>(size - 1);
  return 2 * sum;
}

/// What is sent at a time. Open MPI asks the other side before it sends more than 64 KiB over TCP, and both have to
/// compute no longer until that is done; so some more goes in parts, and only what takes long anyway as a whole.
constexpr std::size_t sent_unasked = 60000;  // bytes
constexpr std::size_t most_parts = 8;

std::size_t messages_for(std::size_t bytes) noexcept {
  const std::size_t messages = (bytes + sent_unasked - 1) / sent_unasked;
  return messages <= most_parts ? messages : 1;
}

constexpr std::size_t line = whole_lines<std::byte>(1);  // of cache: has whole values

std::size_t lines_of(std::size_t bytes) noexcept {
  return (bytes + line - 1) / line;
}

template <typename Value>
void add(std::byte* sums, const std::byte* values, std::size_t count) {
  auto* const to = reinterpret_cast<Value*>(sums);
  const auto* const from = reinterpret_cast<const Value*>(values);
  for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

std::vector<int> sum_stages(int ranks) {
  std::vector<std::vector<int>> best(static_cast<std::size_t>(ranks) + 1);  // of each divisor
  for (int divisor = 2; divisor <= ranks; ++divisor) {
    if (ranks % divisor != 0) continue;
    std::vector<int>& stages = best[static_cast<std::size_t>(divisor)];
    stages = {divisor};
    for (int last = 2; last <= divisor / last; ++last) {
      if (divisor % last != 0) continue;
      std::vector<int> others = best[static_cast<std::size_t>(divisor / last)];
      others.push_back(last);
      if (cost(others) < cost(stages)) stages = std::move(others);
    }
  }
  return best.back();
}

std::span<std::byte> SumsUnderWay::take_room(int ranks, std::size_t most, std::size_t longest, Arena& memory) {
  std::size_t lines = lines_of(longest);
  std::size_t most_lines = 0;  // of a sum
  for (const int members : sum_stages(ranks)) {
    const auto sharing = static_cast<std::size_t>(members);
    lines = (lines + sharing - 1) / sharing;
    most_lines = std::max(most_lines, (sharing - 1) * lines);
  }
  return memory.take<std::byte>(std::min(most, MessageSums::buffers) * most_lines * line);
}

MessageSums::MessageSums(MPI_Comm ranks, std::size_t most, std::size_t longest, std::span<std::byte> room)
    : ranks_(ranks), longest_arrived_(room.size() / std::min(most, buffers)), arrived_(room) {
  int rank = 0;
  int size = 1;
  check_mpi(MPI_Comm_rank(ranks_, &rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(ranks_, &size), "MPI_Comm_size");
  rank_ = static_cast<std::size_t>(rank);
  std::size_t lines = lines_of(longest);
  std::size_t stride = 1;
  for (const int members : sum_stages(size)) {
    const auto sharing = static_cast<std::size_t>(members);
    stages_.push_back({sharing, stride, rank_ / stride % sharing});
    stride *= sharing;
    lines = (lines + sharing - 1) / sharing;
    most_messages_ =
        std::max(most_messages_, 2 * (sharing - 1) * std::min(most_parts, lines * line / sent_unasked + 1));
  }
  sums_.reserve(most);
  requests_.assign(most * most_messages_, MPI_REQUEST_NULL);
  done_.resize(requests_.size());
}

void MessageSums::start(std::span<float> values) {
  start_sum(values);
}

void MessageSums::start(std::span<std::int64_t> values) {
  start_sum(values);
}

template <typename Value>
void MessageSums::start_sum(std::span<Value> values) {
  assert(sums_.size() < sums_.capacity());
  sums_.push_back({.values = reinterpret_cast<std::byte*>(values.data()),
                   .count = values.size(),
                   .value_bytes = sizeof(Value),
                   .type = datatype(values.data()),
                   .add = add<Value>});
  begin_sums();
}

/// What goes on its way comes in this order, so while one sum is added up, the next one arrives: more memory would not
/// make it faster.
void MessageSums::begin_sums() {
  while (begun_ < sums_.size() && (begun_ < buffers || sums_[begun_ - buffers].passes >= stages_.size())) {
    begin_pass(sums_[begun_++]);
  }
}

void MessageSums::progress() {
  if (oldest_ == sums_.size()) return;
  int count = 0;
  check_mpi(MPI_Testsome(static_cast<int>(sums_.size() * most_messages_), requests_.data(), &count, done_.data(),
                         MPI_STATUSES_IGNORE),
            "MPI_Testsome");
  if (count != MPI_UNDEFINED) follow(count);
}

void MessageSums::wait() {
  assert(oldest_ < sums_.size());
  const WaitingForOthers waiting;
  while (sums_[oldest_].passes < all_passes()) {
    int count = 0;
    check_mpi(MPI_Waitsome(static_cast<int>(sums_.size() * most_messages_), requests_.data(), &count, done_.data(),
                           MPI_STATUSES_IGNORE),
              "MPI_Waitsome");
    follow(count);
  }
  if (++oldest_ < sums_.size()) return;
  sums_.clear();
  begun_ = 0;
  oldest_ = 0;
}

void MessageSums::follow(int count) {
  for (int i = 0; i < count; ++i) {
    Sum& sum = sums_[static_cast<std::size_t>(done_[static_cast<std::size_t>(i)]) / most_messages_];
    if (--sum.pending > 0) continue;
    end_pass(sum);
    begin_pass(sum);
    begin_sums();
  }
}

/// Passes without a message, where there are fewer values than ranks, are over at once.
void MessageSums::begin_pass(Sum& sum) {
  for (; sum.passes < all_passes(); ++sum.passes) {
    const bool giving_parts = sum.passes < stages_.size();
    const std::size_t index = giving_parts ? sum.passes : all_passes() - 1 - sum.passes;
    const Stage& stage = stages_[index];
    const Range all = range(sum, index);
    const Range mine = all.part(stage.place, stage.size);
    const auto values = [&](Range some) { return sum.values + some.first * sum.value_bytes; };
    // Each begins with its neighbour: if all began with the first rank, they would wait for each other there.
    for (std::size_t step = 1; step < stage.size; ++step) {
      const std::size_t from = (stage.place + stage.size - step) % stage.size;
      const Range sums = all.part(from, stage.size);
      std::byte* const part = arrived(sum) + (step - 1) * mine.count * sum.value_bytes;
      receive(sum, giving_parts ? part : values(sums), giving_parts ? mine.count : sums.count, member(stage, from));
    }
    for (std::size_t step = 1; step < stage.size; ++step) {
      const std::size_t to = (stage.place + step) % stage.size;
      const Range given = giving_parts ? all.part(to, stage.size) : mine;
      send(sum, values(given), given.count, member(stage, to));
    }
    if (sum.pending > 0) return;
  }
}

void MessageSums::end_pass(Sum& sum) {
  if (sum.passes < stages_.size()) {
    const Range mine = range(sum, sum.passes + 1);
    for (std::size_t step = 1; step < stages_[sum.passes].size; ++step) {
      sum.add(sum.values + mine.first * sum.value_bytes, arrived(sum) + (step - 1) * mine.count * sum.value_bytes,
              mine.count);
    }
  }
  ++sum.passes;
}

MessageSums::Range MessageSums::Range::part(std::size_t index, std::size_t parts) const noexcept {
  const std::size_t begin = count * index / parts;
  return {first + begin, count * (index + 1) / parts - begin};
}

MessageSums::Range MessageSums::range(const Sum& sum, std::size_t stage) const noexcept {
  Range range{0, sum.count};
  for (std::size_t i = 0; i < stage; ++i) range = range.part(stages_[i].place, stages_[i].size);
  return range;
}

std::size_t MessageSums::number(const Sum& sum) const noexcept {
  return static_cast<std::size_t>(&sum - sums_.data());
}

std::byte* MessageSums::arrived(const Sum& sum) {
  return arrived_.data() + number(sum) % buffers * longest_arrived_;
}

/// A message of the next round may be there before one of this round was taken: they are not mixed up, since what one
/// rank sends with one tag comes in order.
int MessageSums::tag(const Sum& sum) const noexcept {
  return static_cast<int>(number(sum) * all_passes() + sum.passes);
}

int MessageSums::member(const Stage& stage, std::size_t place) const noexcept {
  return static_cast<int>(rank_ - stage.place * stage.stride + place * stage.stride);
}

MPI_Request* MessageSums::next_request(Sum& sum) {
  return &requests_[number(sum) * most_messages_ + sum.pending++];
}

void MessageSums::send(Sum& sum, const std::byte* values, std::size_t count, int to) {
  const std::size_t messages = messages_for(count * sum.value_bytes);
  for (std::size_t i = 0; i < messages; ++i) {
    const Range part = Range{0, count}.part(i, messages);
    check_mpi(MPI_Isend(values + part.first * sum.value_bytes, static_cast<int>(part.count), sum.type, to, tag(sum),
                        ranks_, next_request(sum)),
              "MPI_Isend");
  }
}

void MessageSums::receive(Sum& sum, std::byte* values, std::size_t count, int from) {
  const std::size_t messages = messages_for(count * sum.value_bytes);
  for (std::size_t i = 0; i < messages; ++i) {
    const Range part = Range{0, count}.part(i, messages);
    check_mpi(MPI_Irecv(values + part.first * sum.value_bytes, static_cast<int>(part.count), sum.type, from, tag(sum),
                        ranks_, next_request(sum)),
              "MPI_Irecv");
  }
}

}  // namespace rbmpi
