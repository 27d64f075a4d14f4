// List and Search of every kind.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/shapes.h"
#include "control/internal/context.h"
#include "control/internal/paging.h"
#include "control/internal/search.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr size_t kDefaultSearchPage = 100;

std::unexpected<Error> BadToken() { return Invalid("The provided NextToken is not valid."); }

// The model's shape of a result of Search, which has fewer members than Describe's answer.
const api::Shape* ResultShape(std::string_view resource) {
  const auto* search = api::FindOperation(api::SageMakerOperations(), "Search");
  const auto* results = api::FindMember(*search->output, "Results");
  const auto* found = api::FindMember(*results->shape->item, resource);
  return found != nullptr ? found->shape : nullptr;
}

// Drops what the shape does not have, at any depth.
void KeepKnown(json& value, const api::Shape& shape) {
  if (shape.type == api::Type::kList && value.is_array()) {
    for (json& item : value) KeepKnown(item, *shape.item);
  }
  if (shape.type != api::Type::kStructure || !value.is_object()) return;
  for (auto it = value.begin(); it != value.end();) {
    const api::Member* member = api::FindMember(shape, it.key());
    if (member == nullptr) {
      it = value.erase(it);
      continue;
    }
    KeepKnown(*it, *member->shape);
    ++it;
  }
}

}  // namespace

Result<json> List(Context& context, const Kind& kind, const json& input) {
  const Records& records = context.records;
  const std::string sort_by = input.value("SortBy", std::string(kind.sort_by));
  const bool ascending = input.value("SortOrder", kind.sort_order) == "Ascending";
  const std::string operation = "List" + std::string(kind.stem) + "s";
  const size_t limit = PageSize(input, kDefaultPage);
  const ListFilter common(input);
  std::function<bool(const Record&)> own;
  if (kind.filter != nullptr) {
    CLARY_TRY(own, kind.filter(context, input));
  }
  const auto wanted = [&](const Record& r) {
    return common(r.name, r.status, r.created_ms, r.modified_ms) && (!own || own(r));
  };
  std::vector<SnapshotPtr> page;  // one more than the page holds, to know whether there is more
  const auto take = [&](const SnapshotPtr& one) {
    if (wanted(one->record)) page.push_back(one);
    return page.size() <= limit;
  };

  if (sort_by == "Name") {
    CLARY_TRY(const json token, ReadToken(operation, input, 1));
    std::optional<std::string> after;
    if (!token.is_null()) {
      if (!token[0].is_string()) return BadToken();
      after = token[0].get<std::string>();
    }
    records.ByKey(kind, ascending, after, take);
  } else {
    CLARY_TRY(const json token, ReadToken(operation, input, 3));
    std::optional<Records::TimeKey> after;
    std::string after_status;
    if (!token.is_null()) {
      if (!token[0].is_string() || !token[1].is_number_integer() || !token[2].is_string()) {
        return BadToken();
      }
      after_status = token[0];
      after = {token[1].get<int64_t>(), token[2].get<std::string>()};
    }
    if (sort_by != "Status") {
      records.ByCreation(kind, ascending, after, take);
    } else {
      // By status, then by creation.
      records.ByCreation(kind, ascending, std::nullopt, [&](const SnapshotPtr& one) {
        const Record& r = one->record;
        const auto key = std::tie(r.status, r.created_ms, r.key);
        const bool behind =
            !after || (ascending ? key > std::tie(after_status, after->first, after->second)
                                 : key < std::tie(after_status, after->first, after->second));
        if (behind && wanted(r)) page.push_back(one);
        return true;
      });
      std::stable_sort(page.begin(), page.end(), [&](const SnapshotPtr& a, const SnapshotPtr& b) {
        return ascending ? a->record.status < b->record.status
                         : b->record.status < a->record.status;
      });
    }
  }

  json out = {{kind.summaries, json::array()}};
  if (page.size() > limit) {
    page.resize(limit);
    const Record& last = page.back()->record;
    out["NextToken"] =
        MakeToken(operation, input,
                  sort_by == "Name" ? json::array({last.key})
                                    : json::array({last.status, last.created_ms, last.key}));
  }
  for (const SnapshotPtr& one : page) {
    out[std::string(kind.summaries)].push_back(kind.summary(context, one->record));
  }
  return out;
}

Result<json> Search(Context& context, const json& input) {
  const std::string resource = input.at("Resource");
  json out = {{"Results", json::array()}};
  const auto kinds = Kinds();
  const auto found =
      std::ranges::find_if(kinds, [&](const Kind* k) { return k->search_resource == resource; });
  const api::Shape* shape =
      ResultShape(found != kinds.end() ? (*found)->stem : std::string_view(resource));
  std::optional<SearchQuery> query;
  if (shape != nullptr) {
    // A model is found by its own members, not by those of the summary that it is shown in.
    const api::Member* inner = api::FindMember(*shape, resource);
    CLARY_TRY(query, SearchQuery::Parse(inner != nullptr ? *inner->shape : *shape, input));
  }
  // Resources of which this release has none.
  if (found == kinds.end() || !query) {
    CLARY_CHECK_OK(ReadToken("Search", input, 0));
    return out;
  }
  const Kind& kind = **found;
  const bool ascending = input.value("SortOrder", "Descending") == "Ascending";
  const size_t limit = PageSize(input, kDefaultSearchPage);
  CLARY_TRY(const json token, ReadToken("Search", input, 2));
  if (!token.is_null() && !token[1].is_string()) return BadToken();
  const bool costly =
      std::ranges::any_of(kind.costly, [&](std::string_view path) { return query->Asks(path); });
  const bool tags = query->Asks("Tags");

  struct Hit {
    json key;
    SnapshotPtr record;
  };
  // Values of different kinds compare by kind; json's operator< says how.
  const auto before = [&](const json& key_a, const std::string& a, const json& key_b,
                          const std::string& b) {
    if (key_a != key_b) return ascending ? key_a < key_b : key_b < key_a;
    return ascending ? a < b : b < a;
  };
  const auto sorts_before = [&](const Hit& a, const Hit& b) {
    return before(a.key, a.record->record.key, b.key, b.record->record.key);
  };
  const auto view_of = [&](const Record& record, Show show, bool with_tags) {
    json view = kind.view(context, record, show);
    if (with_tags) view["Tags"] = TagsToJson(context.records.Tags(record.arn));
    return view;
  };
  std::vector<Hit> hits;
  size_t total = 0;
  context.records.ByCreation(kind, true, std::nullopt, [&](const SnapshotPtr& one) {
    const json view = view_of(one->record, costly ? Show::kSearch : Show::kMatch, tags);
    if (!query->Matches(view)) return true;
    ++total;
    json key = query->SortKey(view);
    const std::string& name = one->record.key;
    if (!token.is_null() && !before(token[0], token[1], key, name)) return true;
    hits.push_back({.key = std::move(key), .record = one});
    if (hits.size() <= 2 * limit + 1) return true;
    // Keep the best so far only: memory stays that of two pages.
    std::ranges::sort(hits, sorts_before);
    hits.resize(limit + 1);
    return true;
  });
  std::ranges::sort(hits, sorts_before);
  if (hits.size() > limit) {
    hits.resize(limit);
    out["NextToken"] =
        MakeToken("Search", input, json::array({hits.back().key, hits.back().record->record.key}));
  }
  out["TotalHits"] = {{"Value", total}, {"Relation", "EqualTo"}};
  for (const Hit& hit : hits) {
    json view = view_of(hit.record->record, Show::kSearch, true);
    KeepKnown(view, *shape);
    out["Results"].push_back({{kind.stem, std::move(view)}});
  }
  return out;
}

}  // namespace clary::control
