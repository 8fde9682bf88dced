#include "rbmpi/report/page.hpp"

#include <fmt/format.h>

#include "rbmpi/core/version.hpp"
#include "rbmpi/report/html.hpp"
#include "report/page_style.hpp"

namespace rbmpi {

std::string page(const std::string& title, const std::string& lead, std::span<const Section> sections) {
  std::string links;
  std::string body;
  for (const Section& section : sections) {
    if (section.html.empty()) continue;
    links += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, escape(section.title));
    body += fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n", section.id,
                        escape(section.title), section.html);
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta name=\"generator\" content=\"rbmpi {2}\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{0}</title>\n<style>{3}</style>\n</head>\n<body>\n"
      "<header>\n<h1>{0}</h1>\n{1}"
      "<nav aria-label=\"Sections\"><ul>\n{4}</ul></nav>\n</header>\n<main>\n{5}</main>\n"
      "<footer>Made by rbmpi {2}. This page needs no network and no script.</footer>\n</body>\n</html>\n",
      escape(title), lead, version(), page_style, links, body);
}

}  // namespace rbmpi
