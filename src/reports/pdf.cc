#include "reports/pdf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/strings.h"

namespace clary::reports {
namespace {

constexpr double kWidth = 595, kHeight = 842, kMargin = 50;
constexpr double kInner = kWidth - 2 * kMargin;
constexpr double kTextSize = 9.5, kLine = 13;
constexpr std::string_view kInk = "0.10 0.13 0.18", kAccent = "0.15 0.39 0.92",
                           kNegative = "0.82 0.23 0.31", kRule = "0.86 0.88 0.91";

// Adobe's widths of Helvetica, in thousandths, from the blank on.
constexpr std::array<uint16_t, 95> kWidths = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};

// UTF-8 as Windows-1252; control characters become blanks.
std::string WinAnsi(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    if (length <= 1) {
      const char c = text[i++];
      out += length == 0 ? '?' : static_cast<unsigned char>(c) < ' ' ? ' ' : c;
      continue;
    }
    uint32_t code = static_cast<unsigned char>(text[i]) & (0xFFU >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    i += length;
    if (code >= 0xA0 && code <= 0xFF) {
      out += static_cast<char>(code);
    } else if (code == 0x2013 || code == 0x2212) {
      out += '\x96';
    } else if (code == 0x2026) {
      out += '\x85';
    } else if (code == 0x2019) {
      out += '\x92';
    } else {
      out += '?';
    }
  }
  return out;
}

double TextWidth(std::string_view text, double size) {
  double sum = 0;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    sum += code >= ' ' && code < 127 ? kWidths[code - ' '] : 556;
  }
  return sum * size / 1000;
}

std::string Fitting(std::string text, double width, double size) {
  if (TextWidth(text, size) <= width) return text;
  while (!text.empty() && TextWidth(text + "\x85", size) > width) text.pop_back();
  return text + "\x85";
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

PdfDocument::PdfDocument(std::string title) : title_(std::move(title)) {}

void PdfDocument::Need(double height) {
  if (!pages_.empty() && y_ - height >= kMargin) return;
  pages_.emplace_back();
  y_ = kHeight - kMargin;
}

// `text` is Windows-1252 already.
void PdfDocument::Draw(double x, std::string_view text, double size, bool bold) {
  pages_.back() += fmt::format("BT {} rg /F{} {} Tf {:.2f} {:.2f} Td ({}) Tj ET\n", kInk,
                               bold ? 2 : 1, size, x, y_, Escaped(text));
}

void PdfDocument::Fill(double x, double width, double height, std::string_view color) {
  pages_.back() +=
      fmt::format("{} rg {:.2f} {:.2f} {:.2f} {:.2f} re f\n", color, x, y_, width, height);
}

void PdfDocument::Heading(std::string_view text, int level) {
  constexpr double kSizes[] = {20, 14, 11};
  const double size = kSizes[std::clamp(level, 1, 3) - 1];
  Need(size * 1.8 + 3 * kLine);
  y_ -= size * 1.6;
  Draw(kMargin, Fitting(WinAnsi(text), kInner, size), size, true);
  y_ -= size * 0.4;
}

void PdfDocument::Text(std::string_view text) {
  std::string line;
  const auto flush = [&] {
    Need(kLine);
    y_ -= kLine;
    Draw(kMargin, line, kTextSize, false);
    line.clear();
  };
  const std::string ansi = WinAnsi(text);
  for (const std::string_view word : Split(ansi, ' ')) {
    if (!line.empty() && TextWidth(line + " " + std::string(word), kTextSize) > kInner) flush();
    if (!line.empty()) line += ' ';
    line += Fitting(std::string(word), kInner, kTextSize);
  }
  if (!line.empty()) flush();
  y_ -= kLine / 3;
}

void PdfDocument::Table(const std::vector<double>& weights,
                        const std::vector<std::vector<std::string>>& rows) {
  double total = 0;
  for (const double w : weights) total += w;
  for (size_t r = 0; r < rows.size(); ++r) {
    Need(kLine * (r == 0 ? 3 : 1));
    y_ -= kLine;
    double x = kMargin;
    for (size_t c = 0; c < weights.size() && c < rows[r].size(); ++c) {
      const double width = kInner * weights[c] / total;
      Draw(x, Fitting(WinAnsi(rows[r][c]), width - 6, kTextSize), kTextSize, r == 0);
      x += width;
    }
    y_ -= 2;
    Fill(kMargin, kInner, 0.5, kRule);
  }
  y_ -= kLine / 2;
}

void PdfDocument::Bars(const std::vector<PdfBar>& bars) {
  constexpr double kNames = 160, kValues = 70;
  double low = 0, high = 0;
  for (const PdfBar& b : bars) {
    if (!std::isfinite(b.value)) continue;
    low = std::min(low, b.value);
    high = std::max(high, b.value);
  }
  const double room = kInner - kNames - kValues;
  const double scale = high > low ? room / (high - low) : 0;
  const double zero = kMargin + kNames - low * scale;
  for (const PdfBar& b : bars) {
    Need(kLine);
    y_ -= kLine;
    Draw(kMargin, Fitting(WinAnsi(b.name), kNames - 8, kTextSize), kTextSize, false);
    if (std::isfinite(b.value)) {
      const double width = std::max(0.8, std::abs(b.value) * scale);
      y_ -= 1;
      Fill(b.value < 0 ? zero - width : zero, width, kTextSize - 1,
           b.value < 0 ? kNegative : kAccent);
      y_ += 1;
    }
    Draw(kWidth - kMargin - kValues + 6, Fitting(WinAnsi(b.text), kValues - 6, kTextSize),
         kTextSize, false);
  }
  y_ -= kLine / 2;
}

std::string PdfDocument::Finish() const {
  std::vector<std::string> objects;  // number 1 and on
  const size_t count = std::max<size_t>(1, pages_.size());
  std::string kids;
  for (size_t p = 0; p < count; ++p) kids += fmt::format("{} 0 R ", 6 + 2 * p);
  objects.emplace_back("<< /Type /Catalog /Pages 2 0 R >>");
  objects.push_back(fmt::format("<< /Type /Pages /Kids [{}] /Count {} >>", kids, count));
  for (const char* font : {"Helvetica", "Helvetica-Bold"}) {
    objects.push_back(fmt::format(
        "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>", font));
  }
  objects.push_back(fmt::format("<< /Title ({}) /Producer (Clary) >>", Escaped(WinAnsi(title_))));
  for (size_t p = 0; p < count; ++p) {
    objects.push_back(
        fmt::format("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {} {}] /Resources << "
                    "/Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {} 0 R >>",
                    kWidth, kHeight, 7 + 2 * p));
    const std::string content = p < pages_.size() ? pages_[p] : "";
    objects.push_back(
        fmt::format("<< /Length {} >>\nstream\n{}endstream", content.size(), content));
  }
  std::string out = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  std::vector<size_t> offsets;
  for (size_t i = 0; i < objects.size(); ++i) {
    offsets.push_back(out.size());
    out += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
  }
  const size_t table = out.size();
  out += fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects.size() + 1);
  for (const size_t offset : offsets) out += fmt::format("{:010} 00000 n \n", offset);
  out += fmt::format("trailer\n<< /Size {} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{}\n%%EOF\n",
                     objects.size() + 1, table);
  return out;
}

}  // namespace clary::reports
