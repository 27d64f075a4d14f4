// Plain PDF files: headings, text, tables and bars, in the fonts that every reader has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clary::reports {

struct PdfBar {
  std::string name;
  double value = 0;
  std::string text;  // beside the bar
};

// A4 pages in Helvetica, filled from top to bottom. Text is UTF-8; what Windows-1252 has not
// becomes
// '?'. What does not fit a column is cut.
class PdfDocument {
 public:
  explicit PdfDocument(std::string title);

  void Heading(std::string_view text, int level = 1);  // 1 to 3
  void Text(std::string_view text);
  // `weights`: the columns' shares of the width. The first row is the header.
  void Table(const std::vector<double>& weights, const std::vector<std::vector<std::string>>& rows);
  // Horizontal bars from zero, to either side.
  void Bars(const std::vector<PdfBar>& bars);

  std::string Finish() const;  // PDF 1.4

 private:
  void Need(double height);  // a new page if there is no room
  void Draw(double x, std::string_view text, double size, bool bold);
  void Fill(double x, double width, double height, std::string_view color);

  std::string title_;
  std::vector<std::string> pages_;  // content streams
  double y_ = 0;                    // of the next line, from below
};

}  // namespace clary::reports
