#include "data/internal/parquet_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/internal/text.h"
#include "data/internal/thrift.h"

namespace clary::data::internal {
namespace {

using Field = ThriftReader::Field;

constexpr uint64_t kMaxRows = uint64_t{1} << 40;
constexpr uint32_t kMaxPageBytes = uint32_t{1} << 30;

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidArgument, "BadData", std::move(message));
}
std::unexpected<Error> Damaged(std::string_view what) {
  return Bad(fmt::format("the Parquet {} is damaged", what));
}

// Of SchemaElement, what decides whether it is a number.
struct Element {
  std::string name;
  int64_t type = -1;       // physical; -1: a group
  int64_t width = 0;       // of fixed bytes
  int64_t repetition = 0;  // 0 required, 1 optional, 2 repeated
  int64_t children = 0;
  int64_t converted = -1;  // ConvertedType
  int64_t scale = 0;
  int logical = 0;  // field of the union LogicalType; 0: none
  int64_t logical_scale = 0;
  bool is_signed = true;
};

void ReadLogicalType(ThriftReader& in, Element& out) {
  for (Field f; in.Next(f);) {
    out.logical = f.id;
    if (f.type != ThriftType::kStruct) {
      in.Skip(f.type);
      continue;
    }
    for (Field g; in.Next(g);) {
      if (f.id == 5 && g.id == 1) {  // DECIMAL.scale
        out.logical_scale = in.Integer(g.type);
      } else if (f.id == 10 && g.id == 2) {  // INTEGER.isSigned
        out.is_signed = in.Bool(g.type);
      } else {
        in.Skip(g.type);
      }
    }
  }
}

Element ReadElement(ThriftReader& in) {
  Element out;
  for (Field f; in.Next(f);) {
    switch (f.id) {
      case 1:
        out.type = in.Integer(f.type);
        break;
      case 2:
        out.width = in.Integer(f.type);
        break;
      case 3:
        out.repetition = in.Integer(f.type);
        break;
      case 4:
        out.name = in.Binary(f.type);
        break;
      case 5:
        out.children = in.Integer(f.type);
        break;
      case 6:
        out.converted = in.Integer(f.type);
        break;
      case 7:
        out.scale = in.Integer(f.type);
        break;
      case 10:
        if (f.type == ThriftType::kStruct) {
          ReadLogicalType(in, out);
          break;
        }
        [[fallthrough]];
      default:
        in.Skip(f.type);
    }
  }
  return out;
}

ParquetChunk ReadChunk(ThriftReader& in, bool* elsewhere) {
  ParquetChunk out;
  int64_t values = 0;
  int64_t data = 0;
  int64_t dictionary = 0;
  int64_t size = 0;
  for (Field f; in.Next(f);) {
    if (f.id == 1) *elsewhere = true;
    if (f.id != 3 || f.type != ThriftType::kStruct) {
      in.Skip(f.type);
      continue;
    }
    for (Field g; in.Next(g);) {
      switch (g.id) {
        case 4:
          out.codec = static_cast<int>(in.Integer(g.type));
          break;
        case 5:
          values = in.Integer(g.type);
          break;
        case 7:
          size = in.Integer(g.type);
          break;
        case 9:
          data = in.Integer(g.type);
          break;
        case 11:
          dictionary = in.Integer(g.type);
          break;
        default:
          in.Skip(g.type);
      }
    }
  }
  // Old writers put 0 for "no dictionary".
  const int64_t first = dictionary > 0 && dictionary < data ? dictionary : data;
  out.values = static_cast<uint64_t>(std::max<int64_t>(values, 0));
  out.offset = static_cast<uint64_t>(std::max<int64_t>(first, 0));
  out.size = static_cast<uint64_t>(std::max<int64_t>(size, 0));
  return out;
}

ParquetRowGroup ReadRowGroup(ThriftReader& in, bool* elsewhere) {
  ParquetRowGroup out;
  for (Field f; in.Next(f);) {
    if (f.id == 1) {
      ThriftType item;
      const uint32_t n = in.List(f.type, &item);
      for (uint32_t i = 0; i < n && in.ok(); ++i) out.chunks.push_back(ReadChunk(in, elsewhere));
    } else if (f.id == 3) {
      out.rows = static_cast<uint64_t>(std::max<int64_t>(in.Integer(f.type), 0));
    } else {
      in.Skip(f.type);
    }
  }
  return out;
}

// What a column of text, times or bytes is called in the message that refuses it.
std::string_view KindName(const Element& e) {
  constexpr std::string_view kLogical[] = {"", "text",  "maps",      "lists",      "enums",
                                           "", "dates", "times",     "timestamps", "",
                                           "", "",      "JSON text", "BSON",       "UUIDs"};
  if (e.logical > 0 && e.logical < static_cast<int>(std::size(kLogical)) &&
      !kLogical[e.logical].empty()) {
    return kLogical[e.logical];
  }
  switch (e.converted) {
    case 0:
      return "text";
    case 4:
      return "enums";
    case 6:
      return "dates";
    case 7:
    case 8:
      return "times";
    case 9:
    case 10:
      return "timestamps";
    case 19:
      return "JSON text";
    case 21:
      return "intervals";
    default:
      return e.type == 3 ? "timestamps (INT96)" : "bytes";
  }
}

bool IsDecimal(const Element& e) { return e.converted == 5 || e.logical == 5; }

// False if its values are no numbers.
bool MakeColumn(const Element& e, ParquetColumn& out) {
  constexpr bool kNotNumbers[] = {false, true,  true,  true,  true, false, true, true,
                                  true,  false, false, false, true, true,  true};
  if (e.logical > 0 && e.logical < static_cast<int>(std::size(kNotNumbers)) &&
      kNotNumbers[e.logical]) {
    return false;
  }
  if (e.converted == 0 || e.converted == 4 || (e.converted >= 6 && e.converted <= 10) ||
      e.converted == 19 || e.converted == 20 || e.converted == 21) {
    return false;
  }
  if (e.type < 0 || e.type > 7) return false;
  out.name = e.name;
  out.type = static_cast<ParquetType>(e.type);
  out.optional = e.repetition == 1;
  out.is_unsigned = (e.converted >= 11 && e.converted <= 14) || (e.logical == 10 && !e.is_signed);
  if (IsDecimal(e)) {
    const int64_t scale = e.logical == 5 ? e.logical_scale : e.scale;
    if (scale < 0 || scale > 300) return false;
    out.scale = std::pow(10.0, -static_cast<double>(scale));
  }
  switch (out.type) {
    case ParquetType::kBoolean:
      out.width = 0;
      return true;
    case ParquetType::kInt32:
    case ParquetType::kFloat:
      out.width = 4;
      return true;
    case ParquetType::kInt64:
    case ParquetType::kDouble:
      out.width = 8;
      return true;
    case ParquetType::kFixedBytes:
      out.is_half = e.logical == 15 && e.width == 2;
      if (!out.is_half && (!IsDecimal(e) || e.width < 1 || e.width > 16)) return false;
      out.width = static_cast<uint32_t>(e.width);
      return true;
    default:
      return false;
  }
}

// The columns that a pandas frame had as its index, from the metadata that pandas left.
std::vector<std::string> IndexColumns(std::string_view pandas) {
  std::vector<std::string> names;
  const auto doc = nlohmann::json::parse(pandas, nullptr, false);
  if (!doc.is_object() || !doc.contains("index_columns")) return names;
  for (const auto& name : doc["index_columns"]) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

std::string ReadPandas(ThriftReader& in, ThriftType type) {
  std::string pandas;
  ThriftType item;
  const uint32_t n = in.List(type, &item);
  for (uint32_t i = 0; i < n && in.ok(); ++i) {
    std::string_view key;
    std::string_view value;
    for (Field f; in.Next(f);) {
      if (f.id == 1) {
        key = in.Binary(f.type);
      } else if (f.id == 2) {
        value = in.Binary(f.type);
      } else {
        in.Skip(f.type);
      }
    }
    if (key == "pandas") pandas = value;
  }
  return pandas;
}

// Checks the schema's tree, which must be flat, and takes its leaves.
Status TakeColumns(const std::vector<Element>& schema, const std::string& pandas, ParquetTake take,
                   ParquetFooter& out) {
  if (schema.empty() || schema[0].children != static_cast<int64_t>(schema.size()) - 1) {
    for (const Element& e : schema) {
      if (&e != &schema[0] && e.type < 0) {
        return Bad(fmt::format(
            "column '{}' is nested (it has fields or lists of its own); every column must hold "
            "one number a row",
            Shown(e.name)));
      }
    }
    return Damaged("schema");
  }
  const std::vector<std::string> index = IndexColumns(pandas);
  std::vector<bool> kept(schema.size() - 1);
  size_t number = 0;
  for (size_t i = 1; i < schema.size(); ++i) {
    const Element& e = schema[i];
    if (std::find(index.begin(), index.end(), e.name) != index.end()) continue;
    ++number;
    if (e.repetition != 0 && e.repetition != 1) {
      return Bad(
          fmt::format("column {} ('{}') holds lists; every column must hold one number a row",
                      number, Shown(e.name)));
    }
    ParquetColumn column;
    const bool is_number = MakeColumn(e, column);
    if (!is_number && take == ParquetTake::kTexts) {
      column = {
          .name = e.name, .type = ParquetType::kBytes, .width = 0, .optional = e.repetition == 1};
      column.is_text = e.type == static_cast<int>(ParquetType::kBytes) && !IsDecimal(e);
      if (!column.is_text) column.refused = KindName(e);
    } else if (!is_number) {
      return Bad(
          fmt::format("column {} ('{}') holds {}; every column must hold numbers: convert or "
                      "remove it",
                      number, Shown(e.name), KindName(e)));
    }
    kept[i - 1] = true;
    out.columns.push_back(std::move(column));
  }
  for (size_t g = 0; g < out.groups.size(); ++g) {
    std::vector<ParquetChunk>& chunks = out.groups[g].chunks;
    if (chunks.size() != kept.size()) return Damaged("footer");
    size_t n = 0;
    for (size_t c = 0; c < kept.size(); ++c) {
      if (kept[c]) chunks[n++] = chunks[c];
    }
    chunks.resize(n);
  }
  return {};
}

}  // namespace

std::string_view ParquetEncodingName(int encoding) {
  constexpr std::string_view kNames[] = {
      "PLAIN",          "GROUP_VAR_INT",       "PLAIN_DICTIONARY",        "RLE",
      "BIT_PACKED",     "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY",
      "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"};
  if (encoding < 0 || encoding >= static_cast<int>(std::size(kNames))) return "unknown";
  return kNames[encoding];
}

Result<ParquetFooter> ParseParquetFooter(std::string_view bytes, uint64_t file_size,
                                         ParquetTake take) {
  ThriftReader in(bytes);
  ParquetFooter out;
  std::vector<Element> schema;
  std::string pandas;
  bool elsewhere = false;
  bool encrypted = false;
  for (Field f; in.Next(f);) {
    ThriftType item;
    switch (f.id) {
      case 2:
        for (uint32_t n = in.List(f.type, &item); n > 0 && in.ok(); --n) {
          schema.push_back(ReadElement(in));
        }
        break;
      case 3:
        out.rows = static_cast<uint64_t>(std::max<int64_t>(in.Integer(f.type), 0));
        break;
      case 4:
        for (uint32_t n = in.List(f.type, &item); n > 0 && in.ok(); --n) {
          out.groups.push_back(ReadRowGroup(in, &elsewhere));
        }
        break;
      case 5:
        pandas = ReadPandas(in, f.type);
        break;
      case 8:
        encrypted = true;
        in.Skip(f.type);
        break;
      default:
        in.Skip(f.type);
    }
  }
  if (!in.ok()) return Damaged("footer");
  if (encrypted) return Bad("the file is encrypted, which is not supported");
  if (elsewhere) return Bad("the file keeps its columns in other files, which is not supported");
  CLARY_CHECK_OK(TakeColumns(schema, pandas, take, out));
  uint64_t rows = 0;
  for (const ParquetRowGroup& g : out.groups) {
    if (g.rows > kMaxRows) return Damaged("footer");
    rows += g.rows;
    if (rows > kMaxRows) return Damaged("footer");
    for (const ParquetChunk& c : g.chunks) {
      if (c.offset > file_size || c.size > file_size - c.offset || c.values != g.rows) {
        return Damaged("footer");
      }
    }
  }
  if (rows != out.rows) return Damaged("footer");
  return out;
}

Result<ParquetPage> ParseParquetPage(std::string_view bytes, size_t* header_size) {
  ThriftReader in(bytes);
  int64_t type = -1;
  int64_t compressed = -1;
  int64_t uncompressed = -1;
  int64_t values = 0;
  int64_t nulls = 1;
  int64_t level_bytes = 0;
  ParquetPage out;
  // DataPageHeader (5), DictionaryPageHeader (7) or DataPageHeaderV2 (8).
  const auto read_data = [&](int header) {
    const bool v2 = header == 8;
    for (Field f; in.Next(f);) {
      const int id = f.id;
      if (id == 1) {
        values = in.Integer(f.type);
      } else if (id == (v2 ? 4 : 2)) {
        out.encoding = static_cast<int>(in.Integer(f.type));
      } else if (id == 3 && header == 5) {
        out.level_encoding = static_cast<int>(in.Integer(f.type));
      } else if (id == 2 && v2) {
        nulls = in.Integer(f.type);
      } else if (id == 5 && v2) {
        level_bytes = in.Integer(f.type);
      } else if (id == 6 && v2) {
        if (in.Integer(f.type) != 0) out.encoding = -1;  // repetition levels in a flat schema
      } else if (id == 7 && v2) {
        out.is_compressed = in.Bool(f.type);
      } else {
        in.Skip(f.type);
      }
    }
  };
  for (Field f; in.Next(f);) {
    switch (f.id) {
      case 1:
        type = in.Integer(f.type);
        break;
      case 2:
        uncompressed = in.Integer(f.type);
        break;
      case 3:
        compressed = in.Integer(f.type);
        break;
      case 5:
      case 7:
      case 8:
        if (f.type == ThriftType::kStruct) {
          read_data(f.id);
          break;
        }
        [[fallthrough]];
      default:
        in.Skip(f.type);
    }
  }
  if (in.truncated()) return Fail(Code::kDataLoss, "Truncated", "the page header ends too early");
  if (!in.ok() || compressed < 0 || uncompressed < 0 || values < 0 || values > INT32_MAX ||
      level_bytes < 0 || level_bytes > uncompressed) {
    return Damaged("page header");
  }
  if (compressed > kMaxPageBytes || uncompressed > kMaxPageBytes) {
    return Bad("a page is larger than 1 GiB, which is not supported");
  }
  switch (type) {
    case 0:
      out.kind = ParquetPage::Kind::kData;
      break;
    case 2:
      out.kind = ParquetPage::Kind::kDictionary;
      break;
    case 3:
      out.kind = ParquetPage::Kind::kDataV2;
      break;
    default:
      out.kind = ParquetPage::Kind::kOther;
  }
  out.size = static_cast<uint32_t>(compressed);
  out.uncompressed_size = static_cast<uint32_t>(uncompressed);
  out.values = static_cast<uint32_t>(values);
  out.level_bytes = static_cast<uint32_t>(level_bytes);
  out.has_nulls = nulls != 0;
  *header_size = in.used();
  return out;
}

}  // namespace clary::data::internal
