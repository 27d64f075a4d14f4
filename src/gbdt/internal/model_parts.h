// What the readers of model files share: how a file's parts become a Forest, and what is checked
// whatever the format, so that what a Forest promises holds for any bytes.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gbdt/internal/document.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// Is it a whole number in [low, high]?
bool IsInt(double v, double low, double high);
// A number given as text or as itself; a list of one is that one.
std::optional<double> AsNumber(std::string_view text);
std::optional<double> AsNumber(const Value& v);

// The objective's object: its name, and its parameters as far as they are there.
Status ReadObjective(const Value& v, ObjectiveConfig& out);

// Puts children in pairs, each after its parent: the order that a Tree needs. `right` [nodes] are
// the right children; files of 1.2 and older may have any. BadModel if it is no tree.
Status Renumber(Tree& tree, const std::vector<NodeId>& right);
// What every tree of a Forest keeps to; sets `parent`. Children that are no pair, or unreachable
// nodes that are not leaves, occur in no file that XGBoost wrote.
Status CheckTree(Tree& tree, uint32_t num_feature);
// Takes over tree_info, the trees' outputs, and checks them and the trees' weights.
Status CheckForest(Forest& forest, const std::vector<double>& tree_info);
// Rounds of equal size, for files that do not list them.
Status FillRounds(Forest& forest);
// The sizes that everything else is checked against.
Status SetSizes(Forest& forest, int64_t num_feature, int64_t num_class, int64_t num_target);
// Up to 1.2 the intercept of binary:logitraw was a probability; since then it is the margin itself.
void ReadOldIntercept(Forest& forest);

// The binary format of 0.x to 2.0.
Result<Forest> ReadBinaryModel(std::string_view bytes);

}  // namespace clary::gbdt
