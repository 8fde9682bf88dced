#include "app/work_bar.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/progress.hpp"
#include "app/terminal.hpp"

namespace rbmpi {
WorkBar::WorkBar(ProgressStyle style, std::string work)
    : visible_(style == ProgressStyle::bar || (style == ProgressStyle::automatic && output_is_terminal())),
      work_(std::move(work)) {}

WorkBar::~WorkBar() {
  if (visible_) put(stdout, clear_line);
}

void WorkBar::show(double done) {
  if (!visible_) return;
  const Clock::time_point now = Clock::now();
  if (now - drawn_ < redraw_interval) return;
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const std::string left = done > 0 ? human_seconds(seconds / done * (1 - done)) + " left" : "";
  const std::string tail = fmt::format(" {:3.0f} %  {}", done * 100, left);
  const int room = std::clamp(terminal_columns() - 4 - static_cast<int>(work_.size() + tail.size()), 0, 40);
  const auto width = static_cast<std::size_t>(room);
  const auto filled = static_cast<std::size_t>(done * static_cast<double>(width));
  const std::string bar = width < 5 ? "" : fmt::format(" [{:#<{}}{:.<{}}]", "", filled, "", width - filled);
  put(stdout, fmt::format("{}{:.{}}", clear_line, work_ + bar + tail, terminal_columns() - 1));
}

}  // namespace rbmpi
