// How fast the readers are from page cache. bench/data_bench.py runs it beside its peers.
//
//   data_bench write DIRECTORY ROWS      makes the text files that are not there
//   data_bench read TYPE THREADS FILE    reads the file five times
//   data_bench floor FILE BYTES          copies the file out of the page cache and writes a matrix
//                                        of so many bytes, five times: what no reader can do
//                                        without
//
// Prints a line for each time: seconds on the clock, seconds of CPU; `read` first the matrix'
// bytes.
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "data/buffer.h"
#include "data/read.h"

namespace {

namespace fs = std::filesystem;

enum class Style { kShortest, kScientific, kSixDigits, kDouble };

void Number(Style style, double x, std::string& out) {
  char text[48];
  char* end = text;
  switch (style) {
    case Style::kShortest:
      end = std::to_chars(text, text + sizeof text, static_cast<float>(x)).ptr;
      break;
    case Style::kDouble:  // as pandas writes
      end = std::to_chars(text, text + sizeof text, x).ptr;
      break;
    case Style::kScientific:  // as the HIGGS file is written
      end += std::snprintf(text, sizeof text, "%.18e", static_cast<double>(static_cast<float>(x)));
      break;
    case Style::kSixDigits:
      end += std::snprintf(text, sizeof text, "%.6f", x);
      break;
  }
  out.append(text, end);
}

void WriteOnce(const fs::path& path, size_t rows, size_t cols, Style style, bool libsvm) {
  if (fs::exists(path)) return;
  std::mt19937_64 rng(1);
  std::normal_distribution<double> normal;
  std::ofstream file(path.string() + ".tmp", std::ios::binary);
  std::string line;
  for (size_t r = 0; r < rows; ++r) {
    line = std::to_string(rng() % 2);
    for (size_t c = 0; c < cols; ++c) {
      if (libsvm) {
        if (rng() % 10 < 7) continue;
        line += ' ';
        line += std::to_string(c);
        line += ':';
      } else {
        line += ',';
      }
      Number(style, normal(rng), line);
    }
    line += '\n';
    file << line;
  }
  file.close();
  fs::rename(path.string() + ".tmp", path);
}

// Calls work() five times and prints how long each took.
template <typename Work>
void Time(Work&& work) {
  for (int i = 0; i < 5; ++i) {
    const std::clock_t cpu_begin = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%.6f %.6f\n", took.count(),
                static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC);
  }
}

int Write(const fs::path& dir, size_t rows) {
  fs::create_directories(dir);
  WriteOnce(dir / "shortest.csv", rows, 28, Style::kShortest, false);
  WriteOnce(dir / "fixed.csv", rows, 28, Style::kSixDigits, false);
  WriteOnce(dir / "scientific.csv", rows / 3, 28, Style::kScientific, false);
  WriteOnce(dir / "doubles.csv", rows / 2, 28, Style::kDouble, false);
  WriteOnce(dir / "sparse.libsvm", rows / 3, 100, Style::kShortest, true);
  return 0;
}

int Read(const char* type, int threads, const fs::path& file) {
  const auto content = clary::data::ParseContentType(type);
  if (!content) return 2;
  bool first = true;
  Time([&] {
    const auto m = clary::data::ReadFiles({file}, {.type = *content, .threads = threads});
    if (!m) {
      std::fprintf(stderr, "%s\n", m.error().message.c_str());
      std::exit(1);
    }
    if (first) {
      std::printf("%zu\n", 4 * (m->values.size() + m->column.size() + 2 * m->row_begin.size() +
                                m->labels.size()));
    }
    first = false;
  });
  return 0;
}

int Floor(const fs::path& file, size_t bytes) {
  Time([&] {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<char> block(size_t{256} << 10);
    while (::read(fd, block.data(), block.size()) > 0) {
    }
    ::close(fd);
    clary::data::Buffer<char> matrix(bytes);
    std::memset(matrix.data(), 1, bytes);
    asm volatile("" : : "r"(matrix.data()) : "memory");
  });
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "write" && argc == 4) return Write(argv[2], std::stoul(argv[3]));
  if (verb == "read" && argc == 5) return Read(argv[2], std::atoi(argv[3]), argv[4]);
  if (verb == "floor" && argc == 4) return Floor(argv[2], std::stoul(argv[3]));
  std::fprintf(stderr, "usage: data_bench write|read|floor ...; see the source\n");
  return 2;
}
