#include "clarify/jmespath.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "clarify/internal/jmespath_functions.h"

namespace clary::clarify {

using nlohmann::json;

struct Jmespath::Node {
  enum class Kind {
    kCurrent,
    kField,       // text
    kLiteral,     // value
    kIndex,       // number
    kSlice,       // slice
    kSub,         // left, then right of its result
    kPipe,        // as kSub, but it ends a projection
    kList,        // projection of right over the elements of left
    kValues,      // ... over the values of an object
    kFlatten,     // ... over the elements, lists among them opened
    kFilter,      // ... over the elements for which `condition` holds
    kOr,          //
    kAnd,         //
    kNot,         // left
    kCompare,     // text: the operator
    kMultiList,   // children
    kMultiHash,   // children by names
    kCall,        // text: the function; children
    kExpression,  // &left
  };
  Kind kind = Kind::kCurrent;
  std::string text;
  json value;
  int64_t number = 0;
  std::optional<int64_t> slice[3];
  std::shared_ptr<Node> left, right, condition;
  std::vector<std::shared_ptr<Node>> children;
  std::vector<std::string> names;
};

namespace {

using Node = Jmespath::Node;
using NodePtr = std::shared_ptr<Node>;
using Kind = Node::Kind;

constexpr size_t kMaxExpression = 1024;
constexpr int kMaxDepth = 100;

// --- Reading an expression.

struct Token {
  enum Type { kEnd, kName, kQuoted, kNumber, kLiteral, kOperator } type = kEnd;
  std::string text;  // kOperator: "[*]" is "[", "*", "]"; "[?" and "[]" are one
  json value;
  size_t at = 0;
};

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePtr> Parse() {
    if (text_.size() > kMaxExpression) return Bad("it is too long", 0);
    CLARY_CHECK_OK(Lex());
    CLARY_TRY(NodePtr root, Expression(0));
    if (Now().type != Token::kEnd) return Bad("unexpected '" + Now().text + "'", Now().at);
    return root;
  }

 private:
  std::unexpected<Error> Bad(const std::string& what, size_t at) const {
    return Fail(Code::kInvalidArgument, "BadJmespath",
                fmt::format("the JMESPath expression '{}' cannot be read: {} at character {}",
                            text_.substr(0, 200), what, at + 1));
  }

  Status Lex() {
    size_t i = 0;
    while (i < text_.size()) {
      const char c = text_[i];
      Token token{.at = i};
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++i;
        continue;
      }
      if (IsNameStart(c)) {
        size_t end = i;
        while (end < text_.size() && (IsNameStart(text_[end]) || IsDigit(text_[end]))) ++end;
        token.type = Token::kName;
        token.text = text_.substr(i, end - i);
        i = end;
      } else if (IsDigit(c) || c == '-') {
        size_t end = i + 1;
        while (end < text_.size() && IsDigit(text_[end])) ++end;
        token.type = Token::kNumber;
        token.text = text_.substr(i, end - i);
        if (!ParseInt(token.text)) return Bad("'" + token.text + "' is no number", i);
        i = end;
      } else if (c == '"' || c == '`' || c == '\'') {
        CLARY_CHECK_OK(LexQuoted(token, i));
      } else {
        token.type = Token::kOperator;
        for (const std::string_view op :
             {"[?", "[]", "||", "&&", "==", "!=", "<=", ">=", ".", "*", "[", "]",
              "{",  "}",  "(",  ")",  ",",  ":",  "|",  "@",  "&", "<", ">", "!"}) {
          if (text_.substr(i).starts_with(op)) {
            token.text = op;
            break;
          }
        }
        if (token.text.empty()) return Bad(fmt::format("unexpected '{}'", Shown(i)), i);
        i += token.text.size();
      }
      tokens_.push_back(std::move(token));
    }
    tokens_.push_back({.type = Token::kEnd, .text = "the end", .at = text_.size()});
    return {};
  }

  std::string Shown(size_t at) const {
    return std::string(text_.substr(at, std::max<size_t>(1, Utf8Length(text_.substr(at)))));
  }

  // A quoted identifier (as JSON), a literal (JSON between backticks) or a raw string.
  Status LexQuoted(Token& token, size_t& i) {
    const char quote = text_[i];
    const size_t begin = i++;
    std::string inside;
    while (i < text_.size() && text_[i] != quote) {
      if (text_[i] == '\\' && i + 1 < text_.size()) {
        const char next = text_[i + 1];
        if (quote == '"' || next != quote) inside += '\\';
        // A raw string has no other escapes.
        inside += next;
        i += 2;
        continue;
      }
      inside += text_[i++];
    }
    if (i == text_.size()) return Bad(fmt::format("the {} does not end", quote), begin);
    ++i;
    if (quote == '\'') {
      token.type = Token::kLiteral;
      token.value = std::move(inside);
      token.text = "a text";
      return {};
    }
    if (quote == '"') inside = '"' + inside + '"';
    token.value = json::parse(inside, nullptr, false);
    if (quote == '`' && token.value.is_discarded()) {
      // Older expressions leave out the quotes of a text.
      token.value = json::parse('"' + std::string(Trim(inside)) + '"', nullptr, false);
    }
    if (token.value.is_discarded()) return Bad("this is no JSON", begin);
    token.type = quote == '"' ? Token::kQuoted : Token::kLiteral;
    token.text = quote == '"' ? token.value.get<std::string>() : "a literal";
    return {};
  }

  const Token& Now() const { return tokens_[at_]; }
  bool Is(std::string_view op) const { return Now().type == Token::kOperator && Now().text == op; }
  bool Take(std::string_view op) {
    if (!Is(op)) return false;
    ++at_;
    return true;
  }
  Status Expect(std::string_view op) {
    if (Take(op)) return {};
    return Bad(fmt::format("expected '{}', found '{}'", op, Now().text), Now().at);
  }

  static NodePtr Make(Kind kind) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    return node;
  }
  static NodePtr Make(Kind kind, NodePtr left, NodePtr right) {
    NodePtr node = Make(kind);
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  // How strongly the token at hand binds what is on its left.
  int Binding() const {
    if (Now().type != Token::kOperator) return 0;
    struct Row {
      std::string_view op;
      int power;
    };
    static constexpr Row kRows[] = {{"|", 1},   {"||", 2}, {"&&", 3}, {"==", 5}, {"!=", 5},
                                    {"<", 5},   {"<=", 5}, {">", 5},  {">=", 5}, {"[]", 9},
                                    {"[?", 21}, {".", 40}, {"[", 55}, {"(", 60}};
    for (const Row& row : kRows) {
      if (Now().text == row.op) return row.power;
    }
    return 0;
  }
  static constexpr int kEndsProjection = 10;  // what binds less than this

  Result<NodePtr> Expression(int power) {
    if (++depth_ > kMaxDepth) return Bad("it nests too deep", Now().at);
    CLARY_TRY(NodePtr left, Prefix());
    while (power < Binding()) {
      CLARY_TRY(left, Infix(std::move(left)));
    }
    --depth_;
    return left;
  }

  Result<NodePtr> Prefix() {
    const Token token = Now();
    ++at_;
    NodePtr node;
    switch (token.type) {
      case Token::kLiteral:
        node = Make(Kind::kLiteral);
        node->value = token.value;
        return node;
      case Token::kName:
      case Token::kQuoted:
        if (Is("(")) {
          if (token.type == Token::kQuoted) return Bad("a function has no quotes", token.at);
          return Call(token);
        }
        node = Make(Kind::kField);
        node->text = token.text;
        return node;
      case Token::kOperator:
        break;
      default:
        return Bad("unexpected '" + token.text + "'", token.at);
    }
    if (token.text == "@") return Make(Kind::kCurrent);
    if (token.text == "*") {
      CLARY_TRY(NodePtr right, Projected(20));
      return Make(Kind::kValues, Make(Kind::kCurrent), std::move(right));
    }
    if (token.text == "[]" || token.text == "[?") {
      --at_;
      return Infix(Make(Kind::kCurrent));
    }
    if (token.text == "[") {
      if (Now().type == Token::kNumber || Is(":")) return Bracket(Make(Kind::kCurrent));
      if (Is("*") && tokens_[at_ + 1].type == Token::kOperator && tokens_[at_ + 1].text == "]") {
        return Bracket(Make(Kind::kCurrent));
      }
      return MultiList();
    }
    if (token.text == "{") return MultiHash();
    if (token.text == "!") {
      CLARY_TRY(NodePtr inner, Expression(45));
      return Make(Kind::kNot, std::move(inner), nullptr);
    }
    if (token.text == "&") {
      CLARY_TRY(NodePtr inner, Expression(0));
      return Make(Kind::kExpression, std::move(inner), nullptr);
    }
    if (token.text == "(") {
      CLARY_TRY(NodePtr inner, Expression(0));
      CLARY_CHECK_OK(Expect(")"));
      // What follows is of the whole, not of its elements.
      return Make(Kind::kPipe, std::move(inner), Make(Kind::kCurrent));
    }
    return Bad("unexpected '" + token.text + "'", token.at);
  }

  Result<NodePtr> Infix(NodePtr left) {
    const Token token = Now();
    ++at_;
    const std::string& op = token.text;
    if (op == ".") {
      if (Take("*")) {
        CLARY_TRY(NodePtr right, Projected(20));
        return Make(Kind::kValues, std::move(left), std::move(right));
      }
      CLARY_TRY(NodePtr right, AfterDot(40));
      return Make(Kind::kSub, std::move(left), std::move(right));
    }
    if (op == "[") return Bracket(std::move(left));
    if (op == "[]") {
      CLARY_TRY(NodePtr right, Projected(9));
      return Make(Kind::kFlatten, std::move(left), std::move(right));
    }
    if (op == "[?") {
      CLARY_TRY(NodePtr condition, Expression(0));
      CLARY_CHECK_OK(Expect("]"));
      CLARY_TRY(NodePtr right, Is("[]") ? Result<NodePtr>(Make(Kind::kCurrent)) : Projected(21));
      NodePtr node = Make(Kind::kFilter, std::move(left), std::move(right));
      node->condition = std::move(condition);
      return node;
    }
    if (op == "(") return Bad("only a function's name can be called", token.at);
    struct Row {
      std::string_view op;
      Kind kind;
      int power;
    };
    static constexpr Row kRows[] = {
        {"|", Kind::kPipe, 1}, {"||", Kind::kOr, 2}, {"&&", Kind::kAnd, 3}};
    for (const Row& row : kRows) {
      if (op != row.op) continue;
      CLARY_TRY(NodePtr right, Expression(row.power));
      return Make(row.kind, std::move(left), std::move(right));
    }
    CLARY_TRY(NodePtr right, Expression(5));
    NodePtr node = Make(Kind::kCompare, std::move(left), std::move(right));
    node->text = op;
    return node;
  }

  // What each element of a projection goes through.
  Result<NodePtr> Projected(int power) {
    if (Binding() < kEndsProjection) return Make(Kind::kCurrent);
    if (Is("[") || Is("[?")) return Expression(power);
    if (Take(".")) return AfterDot(power);
    return Bad("unexpected '" + Now().text + "'", Now().at);
  }

  Result<NodePtr> AfterDot(int power) {
    const bool name = Now().type == Token::kName || Now().type == Token::kQuoted;
    if (name || Is("*")) return Expression(power);
    if (Take("[")) return MultiList();
    if (Take("{")) return MultiHash();
    return Bad("expected a name behind '.', found '" + Now().text + "'", Now().at);
  }

  // Behind '[': an index, a slice, or *.
  Result<NodePtr> Bracket(NodePtr left) {
    if (Take("*")) {
      CLARY_CHECK_OK(Expect("]"));
      CLARY_TRY(NodePtr right, Projected(20));
      return Make(Kind::kList, std::move(left), std::move(right));
    }
    std::optional<int64_t> parts[3];
    size_t part = 0;
    bool colons = false;
    const size_t begin = Now().at;
    while (!Is("]")) {
      if (Take(":")) {
        colons = true;
        if (++part > 2) return Bad("a slice has three parts", begin);
      } else if (Now().type == Token::kNumber && !parts[part]) {
        parts[part] = ParseInt(Now().text);
        ++at_;
      } else {
        return Bad("expected a number or ']', found '" + Now().text + "'", Now().at);
      }
    }
    ++at_;
    if (!colons) {
      if (!parts[0]) return Bad("expected an index", begin);
      NodePtr index = Make(Kind::kIndex);
      index->number = *parts[0];
      return Make(Kind::kSub, std::move(left), std::move(index));
    }
    if (parts[2] == 0) return Bad("a slice's step is not 0", begin);
    NodePtr slice = Make(Kind::kSlice);
    std::copy(std::begin(parts), std::end(parts), std::begin(slice->slice));
    CLARY_TRY(NodePtr right, Projected(20));
    return Make(Kind::kList, Make(Kind::kSub, std::move(left), std::move(slice)), std::move(right));
  }

  Result<NodePtr> MultiList() {
    NodePtr node = Make(Kind::kMultiList);
    do {
      CLARY_TRY(NodePtr child, Expression(0));
      node->children.push_back(std::move(child));
    } while (Take(","));
    CLARY_CHECK_OK(Expect("]"));
    return node;
  }

  Result<NodePtr> MultiHash() {
    NodePtr node = Make(Kind::kMultiHash);
    do {
      if (Now().type != Token::kName && Now().type != Token::kQuoted) {
        return Bad("expected a name, found '" + Now().text + "'", Now().at);
      }
      node->names.push_back(Now().text);
      ++at_;
      CLARY_CHECK_OK(Expect(":"));
      CLARY_TRY(NodePtr child, Expression(0));
      node->children.push_back(std::move(child));
    } while (Take(","));
    CLARY_CHECK_OK(Expect("}"));
    return node;
  }

  Result<NodePtr> Call(const Token& name) {
    NodePtr node = Make(Kind::kCall);
    node->text = name.text;
    ++at_;
    if (!Take(")")) {
      do {
        CLARY_TRY(NodePtr child, Expression(0));
        node->children.push_back(std::move(child));
      } while (Take(","));
      CLARY_CHECK_OK(Expect(")"));
    }
    if (const std::string fault = JmespathCallFault(node->text, node->children.size());
        !fault.empty()) {
      return Bad(fault, name.at);
    }
    return node;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

// --- Searching.

bool IsTrue(const json& value) {
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.is_structured() || !value.empty();
}

json Sliced(const json& list, const std::optional<int64_t> (&slice)[3]) {
  if (!list.is_array()) return {};
  const auto size = static_cast<int64_t>(list.size());
  const int64_t step = slice[2].value_or(1);
  const auto place = [&](const std::optional<int64_t>& given, int64_t otherwise) {
    if (!given) return otherwise;
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    return std::clamp(*given < 0 ? std::max<int64_t>(*given + size, low) : *given, low, high);
  };
  const int64_t begin = place(slice[0], step > 0 ? 0 : size - 1);
  const int64_t end = place(slice[1], step > 0 ? size : -1);
  json out = json::array();
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    out.push_back(list[static_cast<size_t>(i)]);
    if (step > 0 ? end - i <= step : i - end <= -step) break;  // before it overflows
    i += step;
  }
  return out;
}

Result<json> Evaluate(const Node& node, const json& now);

Result<json> Project(const Node& node, const json& elements) {
  if (!elements.is_array()) return json();
  json out = json::array();
  for (const json& element : elements) {
    if (node.kind == Kind::kFilter) {
      CLARY_TRY(const json holds, Evaluate(*node.condition, element));
      if (!IsTrue(holds)) continue;
    }
    CLARY_TRY(json found, Evaluate(*node.right, element));
    if (!found.is_null()) out.push_back(std::move(found));
  }
  return out;
}

Result<json> Compare(const std::string& op, const json& a, const json& b) {
  if (op == "==") return json(a == b);
  if (op == "!=") return json(a != b);
  if (!a.is_number() || !b.is_number()) return json();
  if (op == "<") return json(a < b);
  if (op == "<=") return json(a <= b);
  if (op == ">") return json(a > b);
  return json(a >= b);
}

Result<json> Evaluate(const Node& node, const json& now) {
  switch (node.kind) {
    case Kind::kCurrent:
      return now;
    case Kind::kField: {
      if (!now.is_object()) return json();
      const auto it = now.find(node.text);
      return it != now.end() ? *it : json();
    }
    case Kind::kLiteral:
      return node.value;
    case Kind::kIndex: {
      if (!now.is_array()) return json();
      const auto size = static_cast<int64_t>(now.size());
      const int64_t at = node.number < 0 ? node.number + size : node.number;
      return at >= 0 && at < size ? now[static_cast<size_t>(at)] : json();
    }
    case Kind::kSlice:
      return Sliced(now, node.slice);
    case Kind::kSub:
    case Kind::kPipe: {
      CLARY_TRY(const json left, Evaluate(*node.left, now));
      return Evaluate(*node.right, left);
    }
    case Kind::kList:
    case Kind::kFilter: {
      CLARY_TRY(const json left, Evaluate(*node.left, now));
      return Project(node, left);
    }
    case Kind::kValues: {
      CLARY_TRY(const json left, Evaluate(*node.left, now));
      if (!left.is_object()) return json();
      json values = json::array();
      for (const auto& [name, value] : left.items()) values.push_back(value);
      return Project(node, values);
    }
    case Kind::kFlatten: {
      CLARY_TRY(const json left, Evaluate(*node.left, now));
      if (!left.is_array()) return json();
      json flat = json::array();
      for (const json& element : left) {
        if (element.is_array()) {
          for (const json& inner : element) flat.push_back(inner);
        } else {
          flat.push_back(element);
        }
      }
      return Project(node, flat);
    }
    case Kind::kOr:
    case Kind::kAnd: {
      CLARY_TRY(json left, Evaluate(*node.left, now));
      if (IsTrue(left) == (node.kind == Kind::kOr)) return left;
      return Evaluate(*node.right, now);
    }
    case Kind::kNot: {
      CLARY_TRY(const json left, Evaluate(*node.left, now));
      return json(!IsTrue(left));
    }
    case Kind::kCompare: {
      CLARY_TRY(const json left, Evaluate(*node.left, now));
      CLARY_TRY(const json right, Evaluate(*node.right, now));
      return Compare(node.text, left, right);
    }
    case Kind::kMultiList:
    case Kind::kMultiHash: {
      if (now.is_null()) return json();
      json out = node.kind == Kind::kMultiList ? json::array() : json::object();
      for (size_t i = 0; i < node.children.size(); ++i) {
        CLARY_TRY(json value, Evaluate(*node.children[i], now));
        if (node.kind == Kind::kMultiList) {
          out.push_back(std::move(value));
        } else {
          out[node.names[i]] = std::move(value);
        }
      }
      return out;
    }
    case Kind::kCall: {
      std::vector<JmespathArgument> arguments;
      for (const auto& child : node.children) {
        JmespathArgument& argument = arguments.emplace_back();
        if (child->kind == Kind::kExpression) {
          argument.expression = [&inner = *child->left](const json& element) {
            return Evaluate(inner, element);
          };
          continue;
        }
        CLARY_TRY(argument.value, Evaluate(*child, now));
      }
      return CallJmespathFunction(node.text, arguments);
    }
    case Kind::kExpression:
      return Fail(Code::kInvalidArgument, "BadJmespath",
                  "an expression (&...) stands only as an argument of a function");
  }
  return json();
}

}  // namespace

Result<Jmespath> Jmespath::Compile(std::string_view expression) {
  CLARY_TRY(NodePtr root, Parser(expression).Parse());
  Jmespath out;
  out.text_ = expression;
  out.root_ = std::move(root);
  return out;
}

Result<json> Jmespath::Search(const json& document) const {
  auto found = Evaluate(*root_, document);
  if (!found) {
    return std::unexpected(std::move(found).error().With("JMESPath '" + text_ + "'"));
  }
  return found;
}

}  // namespace clary::clarify
