// What a batch transform reads of others: filters, records of every split, and gzip.
#include <cstdlib>
#include <string>
#include <string_view>

#include "serving/internal/data_filter.h"
#include "serving/internal/records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::serving;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t cut = text.find('\n');
  const std::string_view path = text.substr(0, cut);
  const std::string_view rest = cut == std::string_view::npos ? "" : text.substr(cut + 1);
  for (const RecordKind kind : {RecordKind::kCsv, RecordKind::kJson}) {
    if (const auto filter = DataFilter::Parse(path, kind)) (void)filter->Apply(rest);
    (void)JoinRecord(kind, rest, path);
  }
  constexpr uint64_t kLimit = 4096;
  for (const SplitType split :
       {SplitType::kNone, SplitType::kLine, SplitType::kRecordIo, SplitType::kTfRecord}) {
    RecordReader reader(clary::NewStringSource(std::string(rest)), split, kLimit);
    size_t framed = 0;
    for (;;) {
      const auto record = reader.Next();
      if (!record || !*record) break;
      framed += (*record)->framed.size();
      if ((*record)->framed.size() > kLimit || framed > rest.size()) std::abort();
    }
  }
  (void)clary::ReadAll(*NewGunzipSource(clary::NewStringSource(std::string(text))), 1 << 20);
  return 0;
}
